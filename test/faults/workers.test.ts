import { hostname } from 'node:os';
import { describe, expect, it, jest } from '@jest/globals';
import {
  activityOf,
  directStore,
  FOUR_PHASES_WELL,
  lookAtFourPhases,
  reachFourPhases,
  stateOf,
} from '../helpers/four-phases.ts';
import { statesOf, until } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const task = (command: string, fields: object = {}): object => ({
  image: 'debian:bookworm',
  checkout: false,
  command,
  ...fields,
});

describe('a runner killed with SIGKILL', () => {
  it('while it loads an image, puts inputs in, runs a command and saves artifacts: the next one does only the rest', async () => {
    await using world = await World.open({ via: ['store'] });
    const phases = await reachFourPhases(world);

    phases.runner.kill('SIGKILL');
    world.proxy('store').pass();
    await world.startWorker(1, ['runner']);
    const document = await world.verdict(phases.pushId);

    expect(await lookAtFourPhases(world, phases, document)).toEqual(FOUR_PHASES_WELL);
    expect(await world.log(phases.taskId('run'))).toContain('Going on with the container that is there');
  });

  it('in a claim, and its control in a record: neither is done twice', async () => {
    await using world = await World.open({ via: ['store'] });
    const control = await world.startWorker(1, ['control']);
    const repository = await world.createRepository();
    const slipway = { version: 1, tasks: { t: task('sleep 5; echo once') } };
    const pushId = await world.start(repository, await repository.commit({ 'slipway.yml': slipway }));
    const taskId = `${pushId.replace('push/', 'task/')}/t`;
    const isIn = (type: string): Promise<void> =>
      until(async () => {
        const activity = await activityOf(world, taskId);
        return activity?.type === type && activity.worker !== '';
      });
    await until(async () => (await activityOf(world, taskId))?.type === 'claimRun');
    world.proxy('store').hang();
    const first = await world.startWorker(1, ['runner']);
    await isIn('claimRun');

    first.kill('SIGKILL');
    await world.startWorker(1, ['runner'], await directStore(world));
    await until(async () => (await stateOf(world, 't')) === 'running');
    await isIn('recordRun');
    control.kill('SIGKILL');
    world.proxy('store').pass();
    await world.startWorker(1, ['control']);
    const document = await world.verdict(pushId);

    expect(statesOf(document)).toEqual({ t: 'completed/completed' });
    expect(document.tasks[0]?.runs).toHaveLength(1);
    const log = await world.log(taskId);
    expect(log.match(/^once$/gm)).toHaveLength(1);
    expect(log.match(/The task is resolved/g)).toHaveLength(1);
    const runs = (await world.objects()).filter((key) => key.includes('/runs/'));
    expect(runs.map((key) => key.replace(/^.*\/runs\//, ''))).toEqual([
      '0/artifacts/public/logs/live.log',
      '0/claim.json',
      '0/saved.json',
    ]);
    await until(async () => (await world.openWorkflows()).length === 0);
  });
});

describe('a runner stopped for longer than its heartbeat', () => {
  it('in four phases at once, and continued: another one goes on, and the stopped one does not disturb it', async () => {
    await using world = await World.open({ via: ['store'] });
    const phases = await reachFourPhases(world);
    const labels = ['load', 'inputs', 'run', 'save'];

    phases.runner.kill('SIGSTOP');
    await world.startWorker(1, ['runner'], { arguments: ['--capacity', '8'] });
    const isTaken = async (label: string): Promise<boolean> =>
      (await activityOf(world, phases.taskId(label)))?.worker !== `${hostname()}/${phases.runner.pid}`;
    await until(async () => (await Promise.all(labels.map(isTaken))).every(Boolean));
    phases.runner.kill('SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    world.proxy('store').pass();
    const document = await world.verdict(phases.pushId);

    // A chunk that the slow network still carried may lie beside a joined log: it is not read, and the collector takes it away.
    expect(await lookAtFourPhases(world, phases, document)).toEqual({
      ...FOUR_PHASES_WELL,
      chunks: expect.any(Array),
    });
  });
});
