import { describe, expect, it, jest } from '@jest/globals';
import { WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { StartedPush } from '../../client/api.ts';
import { startPush } from '../../client/start-push.ts';
import type { PlannedPush, PlanPushInput, PushInput } from '../../model/pure/payloads.ts';
import { pushId as pushIdOf } from '../../model/pure/ids.ts';
import { serverConfigSchema } from '../../model/schema/config.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import { recordPush } from '../../steps/read-push.ts';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import type { World } from '../helpers/workflow-world.ts';
import { anImage, aPush, aTask, beating, planned, until, untilCancelled } from '../helpers/workflow-world.ts';

jest.setTimeout(120_000);

let world: World;
let env: TestWorkflowEnvironment;
onFreshWorlds((fresh, server) => {
  [world, env] = [fresh, server];
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
    expect(verdicts[0]?.verdict?.supersededBy).toBe(pushIdOf(pushes.newer));
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

  it('is cancelled in its turn by one whose place it took, once that is pushed again, which goes on', async () => {
    const config = serverConfigSchema.parse({
      version: 1,
      projects: {
        demo: { supersede: true, sources: [{ repository: aPush().repository, refs: { '*': 1 } }] },
      },
    });
    world.beforePlan = (input) => world.recordPlanned((input as PlanPushInput).push, [aTask('slow')]);
    world.onRecordPush = (input) => recordPush(world.store, input);
    world.plan = () => superseding([aTask('slow')]);
    world.run = () => untilCancelled();
    const begin = async (push: PushInput): Promise<StartedPush> => {
      const { length } = world.started;
      const { store } = world;
      const started = await startPush(
        { askTemporal: (_level, work) => work(env.client), store, config },
        push,
      );
      await until(() => world.started.length > length);
      return started;
    };
    const ended = async ({ pushId }: StartedPush): Promise<PushDocument | undefined> => {
      await until(async () => (await world.store.pushes.findStatus(pushId))?.resolved !== undefined);
      return world.store.pushes.findStatus(pushId);
    };
    const [one, other] = [aPush(), aPush()];

    await world.during(async () => {
      const first = await begin(one);
      const second = await begin(other);
      expect(await ended(first)).toMatchObject({ reason: 'canceled', supersededBy: second.pushId });
      const third = await begin(one);
      expect(third).toEqual({ pushId: first.pushId, outcome: 'started', round: 2 });
      expect(await ended(second)).toMatchObject({ reason: 'canceled', supersededBy: third.pushId });
      expect(await world.store.pushes.findStatus(third.pushId)).toMatchObject({ state: 'running', round: 2 });
      const handle = env.client.workflow.getHandle(third.pushId);
      await handle.cancel();
      await handle.result().catch(() => undefined);
    });

    expect(world.plans).toBe(3);
  });

  it('does not take the place of one that somebody has cancelled: that ends as cancelled', async () => {
    world.plan = () => planned([aTask('slow')]);
    world.run = () => untilCancelled();
    let mayEnd = false;
    world.onRecordPush = () => beating(until(() => mayEnd));

    const ended = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.started.length === 1);
      await push.cancel();
      await until(() => world.pushRecords.length === 1);
      await env.client.workflow.getHandle(push.id).signal('superseded', { by: 'push/demo/1/newer' });
      mayEnd = true;
      return push.result().catch((error: unknown) => error);
    });

    expect(ended).toBeInstanceOf(WorkflowFailedError);
    expect(world.lastRecord().verdict).toEqual({ reason: 'canceled' });
  });
});
