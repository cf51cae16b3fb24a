import { describe, expect, it, jest } from '@jest/globals';
import type { PlannedPush, PushInput } from '../../model/pure/payloads.ts';
import { pushId as pushIdOf } from '../../model/pure/ids.ts';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import type { World } from '../helpers/workflow-world.ts';
import { aPush, anImage, aTask, planned, until, untilCancelled } from '../helpers/workflow-world.ts';

jest.setTimeout(120_000);

let world: World;
onFreshWorlds((fresh) => {
  world = fresh;
});

const at = (minute: number, over: Partial<PushInput> = {}): PushInput => ({
  ...aPush(),
  received: `2026-01-01T00:0${minute}:00.000Z`,
  ...over,
});

function superseding(...parts: Parameters<typeof planned>): PlannedPush {
  const plan = planned(...parts);
  if (plan.outcome !== 'planned') throw new Error('It is planned');
  return { ...plan, supersedes: true };
}

describe('a newer push of a ref', () => {
  it('cancels those of that ref that run and arrived before it first did, and no others', async () => {
    const pushes = {
      older: at(1),
      'of another ref': at(1, { ref: 'refs/heads/other' }),
      'of another project': at(1, { project: 'other' }),
      'even newer': at(3),
      newer: at(2),
    };
    const byId = new Map(Object.entries(pushes).map(([name, push]) => [pushIdOf(push), name]));
    world.beforePlan = ({ pushId }) => {
      const isNewer = byId.get(pushId) === 'newer';
      world.plan = () =>
        isNewer
          ? superseding([aTask('quick')])
          : planned([aTask('slow'), aTask('after', { dependencies: ['slow'] })]);
      return Promise.resolve();
    };
    world.run = (label) => (label === 'slow' ? untilCancelled() : Promise.resolve({}));
    for (const push of Object.values(pushes)) await world.recordPlanned(push, [aTask('slow')]);

    const outcomes = await world.during(async () => {
      const { newer, ...others } = pushes;
      const started = [];
      for (const push of Object.values(others)) {
        started.push(await world.startPush(push));
        await until(() => world.started.length === started.length);
      }
      const last = await (
        await world.startPush({ ...newer, again: true, received: '2026-01-01T00:09:00.000Z' })
      ).result();
      const older = await started[0]?.result();
      for (const push of started.slice(1)) await push.cancel();
      await Promise.all(started.map((push) => push.result().catch(() => undefined)));
      return { last, older };
    });

    expect(outcomes.last).toEqual({ state: 'completed', reason: 'completed' });
    // It ends by itself and is not cancelled as a workflow: whoever waits for it gets a verdict.
    expect(outcomes.older).toEqual({ state: 'exception', reason: 'canceled' });
    const detail = `A newer push takes its place: ${pushIdOf(pushes.newer)}`;
    const verdicts = world.pushRecords.filter(({ verdict }) => verdict?.detail === detail);
    expect(verdicts.map(({ pushId }) => byId.get(pushId))).toEqual(['older']);
    expect(world.killed.length).toBe(4);
  });

  it('is found by one that is planned after it, which ends before anything of it begins, unless somebody wanted it again', async () => {
    const [older, newer] = [at(1), at(2)];
    world.planOf = () => superseding([aTask('task', { image: 'lint' })], [anImage('lint')]);
    world.beforePlan = ({ pushId }) =>
      world.recordPlanned(pushId === pushIdOf(older) ? older : newer, [aTask('task')]);

    const outcomes = await world.during(async () => {
      const ends: unknown[] = [];
      for (const push of [newer, older, { ...older, again: true, round: 2 }]) {
        ends.push(await (await world.startPush(push)).result());
        ends.push(world.builds.length, world.started.length);
      }
      return ends;
    });

    const completed = { state: 'completed', reason: 'completed' };
    expect(outcomes).toEqual([
      ...[completed, 1, 1],
      ...[{ state: 'exception', reason: 'canceled' }, 1, 1],
      ...[completed, 2, 2],
    ]);
    expect(world.stateOf('task')).toBe('completed/completed');
    expect(world.unstarted).toEqual([{ label: 'task', reason: 'canceled' }]);
    const detail = `A newer push takes its place: ${pushIdOf(newer)}`;
    expect(world.pushRecords.flatMap(({ verdict }) => verdict?.detail ?? [])).toEqual([detail]);
  });
});
