import { describe, expect, it, jest } from '@jest/globals';
import { docker, statesOf, until } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

describe('a runner killed with SIGKILL while a run has a cache', () => {
  it('leaves it to the run that is adopted; no other run gets it; when the run is lost it is free again', async () => {
    await using world = await World.open();
    const control = await world.startWorker(1, ['control']);
    const first = await world.startWorker(1, ['runner']);
    const repository = await world.createRepository();
    const cache = { c: '/cache' };
    const task = (command: string, fields: object = {}): object => ({
      image: 'debian:bookworm',
      checkout: false,
      cache,
      command,
      ...fields,
    });
    const volumes = async (kind: string): Promise<readonly string[]> => {
      const labels = [`slipway.fleet=${world.fleet}`, `slipway.kind=${kind}`];
      const filters = labels.flatMap((label) => ['--filter', `label=${label}`]);
      const names = await docker('volume', 'ls', '--quiet', ...filters);
      return names.split('\n').filter((name) => name !== '');
    };
    const slipway = {
      version: 1,
      tasks: {
        long: task('echo long > /cache/long; sleep 15; ls /cache', {
          artifacts: { 'public/v': { type: 'volume', path: '/v' } },
        }),
        lost: task('echo lost > /cache/lost; sleep 1000', { retries: 0 }),
      },
    };
    const pushId = await world.start(repository, await repository.commit({ 'slipway.yml': slipway }));
    const taskId = (label: string): string => `${pushId.replace('push/', 'task/')}/${label}`;
    await until(async () => (await world.containers()).length === 2);
    const running = async (): Promise<boolean> =>
      (await docker('ps', '--quiet', '--filter', `label=slipway.fleet=${world.fleet}`)).split('\n').length ===
      2;
    await until(running);

    first.kill('SIGKILL');
    const held = await volumes('task');
    expect(held.filter((name) => name.endsWith('-held'))).toHaveLength(2);
    await world.temporal.workflow.getHandle(taskId('lost')).terminate('by hand');
    await world.startWorker(1, ['runner']);
    const document = await world.verdict(pushId);

    expect(statesOf(document)).toEqual({
      long: 'completed/completed',
      lost: 'exception/canceled',
    });
    expect(await world.log(taskId('long'))).toMatch(/Going on with the container[^]*\nlong\n/);
    await until(async () => (await volumes('task')).length === 0);
    expect(await volumes('cache')).toHaveLength(2);

    const again = { version: 1, tasks: { next: task('ls /cache') } };
    const next = await world.push(repository, await repository.commit({ 'slipway.yml': again }));
    expect(statesOf(next)).toEqual({ next: 'completed/completed' });
    // The one that was given back last.
    expect(await world.log(`${next.id.replace('push/', 'task/')}/next`)).toMatch(/\n(lost|long)\n/);
    await control.stop();
  });
});
