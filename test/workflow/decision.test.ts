import { describe, expect, it, jest } from '@jest/globals';
import type { PlannedPush } from '../../model/pure/payloads.ts';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import type { World } from '../helpers/workflow-world.ts';
import { anImage, aTask, planned } from '../helpers/workflow-world.ts';

jest.setTimeout(120_000);

let world: World;
onFreshWorlds((fresh) => {
  world = fresh;
});

const ended = { state: 'completed', reason: 'completed' } as const;

/** The first plan: the decision program alone. */
function decides(...parts: Parameters<typeof planned>): PlannedPush {
  const plan = planned(...parts);
  if (plan.outcome !== 'planned') throw new Error('It is planned');
  return { ...plan, decides: true };
}

describe('a push with a decision program', () => {
  it('runs it first, then what it printed, and builds an image of both once', async () => {
    const image = anImage('tools');
    world.plan = (round): PlannedPush =>
      round === 0
        ? decides([aTask('decision', { image: 'tools' })], [image])
        : planned(
            [
              aTask('decision', { image: 'tools', ended }),
              aTask('printed', { image: 'tools', dependencies: ['decision'] }),
              aTask('after', { dependencies: ['printed'] }),
            ],
            [{ ...image, action: 'reuse' }],
          );

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome).toEqual({ state: 'completed', reason: 'completed' });
    expect(world.started).toEqual(['decision#0', 'printed#0', 'after#0']);
    expect(world.builds).toEqual(['tools']);
    expect(world.planInputs.map(({ decided }) => decided)).toEqual([undefined, true]);
    expect(world.planInputs.map(({ replanned }) => replanned)).toEqual([undefined, true]);
    expect(world.lastRecord().images).toMatchObject([{ name: 'tools', outcome: 'built', bytesUploaded: 7 }]);
  });

  it('that fails starts nothing else', async () => {
    world.plan = (): PlannedPush => decides([aTask('decision')]);
    world.run = () => Promise.resolve({ reason: 'failed', exitCode: 2 });

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome).toEqual({ state: 'failed', reason: 'failed' });
    expect(world.plans).toBe(1);
  });

  it('that runs again while the verdict is being written is planned by what it printed', async () => {
    world.plan = (round): PlannedPush =>
      round === 0 ? decides([aTask('decision')]) : planned([aTask('decision', { ended }), aTask('printed')]);
    world.run = (label, run) =>
      Promise.resolve(label === 'decision' && run === 0 ? { reason: 'failed', exitCode: 2 } : {});
    let isAsked = false;
    world.onRecordPush = async ({ pushId, verdict }) => {
      if (isAsked || verdict === undefined) return;
      isAsked = true;
      await world.env.client.workflow
        .getHandle(pushId)
        .signal('rerun', { tasks: 'failed', downstream: false });
    };

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.state).toBe('completed');
    expect(world.started).toEqual(['decision#0', 'decision#1', 'printed#0']);
  });

  it('ends malformed-plan when what it printed is wrong', async () => {
    world.plan = (round): PlannedPush =>
      round === 0
        ? decides([aTask('decision')])
        : { outcome: 'rejected', reason: 'malformed-plan', detail: 'tasks.json:1:1: wrong' };

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.reason).toBe('malformed-plan');
    expect(world.started).toEqual(['decision#0']);
  });
});
