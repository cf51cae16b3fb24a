import { describe, expect, it, jest } from '@jest/globals';
import { fleetTraces } from '../helpers/fleet-traces.ts';
import { docker, statesOf, until } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

/** Speaks the engine's protocol with what every Debian has, so that no image with a client need be made. */
const ASK =
  'ask() { perl -MIO::Socket::UNIX -e \'$s = IO::Socket::UNIX->new("/var/run/docker.sock") or exit 1; print $s "GET /_ping HTTP/1.0\\r\\n\\r\\n"; print <$s>\' | grep -q OK; }';
const features = { dind: true };
const image = 'debian:bookworm';

describe('a task with a private engine', () => {
  const open = async (command: string): Promise<readonly [World, string, string]> => {
    const world = await World.open();
    const repository = await world.createRepository({ '*': 1 }, { capabilities: { 1: ['dind'] } });
    const revision = await repository.commit({
      'slipway.yml': {
        version: 1,
        tasks: { ask: { image, features, checkout: false, command: ['bash', '-c', `${ASK}; ${command}`] } },
      },
    });
    return [world, repository.project, await world.start(repository, revision)];
  };
  const running = async (world: World): Promise<string> => {
    let name = '';
    await until(async () => {
      const all = await docker(
        'ps',
        '--filter',
        `label=slipway.fleet=${world.fleet}`,
        '--filter',
        'label=slipway.kind=task',
        '--format',
        '{{.Names}}',
      );
      [name = ''] = all.split('\n');
      return name !== '';
    }, 120_000);
    return name;
  };

  it('whose worker is killed goes on with it, and is adopted', async () => {
    // Asks all the time, and the socket is never away.
    const [world, , pushId] = await open(
      'for n in $(seq 120); do ask || { echo away; exit 9; }; sleep 0.25; done; echo steady',
    );
    await using _ = world;
    const worker = await world.startWorker(1);
    const name = await running(world);
    worker.kill('SIGKILL');
    await until(() => worker.hasEnded(), 10_000);
    expect(await docker('exec', name, 'bash', '-c', `${ASK}; ask && echo there`)).toBe('there');
    await world.startWorker(1);
    const push = await world.verdict(pushId);
    expect(statesOf(push)).toEqual({ ask: 'completed/completed' });
    expect(push.tasks[0]?.runs).toHaveLength(1);
    expect(await world.log(push.tasks[0]!.taskId)).toMatch(/Going on with the container[\s\S]*steady/);
    expect(await fleetTraces(world.fleet, 'dind')).toEqual([]);
  });

  it('that is cancelled leaves neither engine nor data', async () => {
    const [world, , pushId] = await open('sleep 300');
    await using _ = world;
    await world.startWorker(1);
    await running(world);
    await world.live.api.cancel(pushId);
    expect(statesOf(await world.verdict(pushId))).toEqual({ ask: 'exception/canceled' });
    expect([
      ...(await fleetTraces(world.fleet, 'task')),
      ...(await fleetTraces(world.fleet, 'dind')),
    ]).toEqual([]);
  });

  it('whose engine is killed has not failed: the run is lost, and a new one has a new engine', async () => {
    const [world, , pushId] = await open('ask && [ "$RUN_ID" = 1 ] && exit 0; sleep 300');
    await using _ = world;
    await world.startWorker(1);
    const name = await running(world);
    await docker('kill', `${name}-dind`);
    const push = await world.verdict(pushId);
    expect(statesOf(push)).toEqual({ ask: 'completed/completed' });
    expect(push.tasks[0]?.runs.map(({ reason }) => reason)).toEqual(['worker-lost', 'completed']);
    expect(push.tasks[0]?.runs[0]?.detail).toMatch(/private engine of the task ended/);
    expect(await fleetTraces(world.fleet, 'dind')).toEqual([]);
  });
});
