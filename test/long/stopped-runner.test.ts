import { hostname } from 'node:os';
import { describe, expect, it, jest } from '@jest/globals';
import { activityOf, FOUR_PHASES_WELL, lookAtFourPhases, reachFourPhases } from '../helpers/four-phases.ts';
import { until } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(600_000);

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

    expect(await lookAtFourPhases(world, phases, document)).toEqual(FOUR_PHASES_WELL);
  });
});
