import { beforeEach, describe, expect, it } from '@jest/globals';
import { pushId as pushIdOf, taskIdIn } from '../../../model/pure/ids.ts';
import type { PushInput } from '../../../model/pure/payloads.ts';
import type { Rerun } from '../../../model/pure/rerun.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import type { TaskRecord } from '../../../model/schema/records.ts';
import { loadGraph } from '../../../steps/load-graph.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { recordPush } from '../../../steps/read-push.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { reopenPush, setBack } from '../../../steps/set-back.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { createStore } from '../../../store/create-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';

const push = aPushInput();
const pushId = pushIdOf(push);
const plannedAt = '2026-01-01T00:00:01.000Z';
const rerun: Rerun = { tasks: 'failed', downstream: false };
const again: PushInput = {
  ...push,
  rerun,
  round: 2,
  pushedBy: 'another',
  received: '2026-01-02T00:00:00.000Z',
};

const FILE = `version: 1
tasks:
  good: { image: debian }
  bad: { image: debian, dependencies: [good] }
  after: { image: debian, dependencies: [bad] }
`;

let store: Store;
beforeEach(async () => {
  store = createStore(createMemoryObjectStore());
  await receivePush(store, { push, pushId }, 'demo');
  await store.pushes.writePlan(aPlanOf(push, { plannedAt, file: FILE }));
  await end('good', 'completed', 'completed', [0]);
  await end('bad', 'failed', 'failed', [0, 1]);
  await end('after', 'exception', 'dependency-failed', [], 'bad');
  await recordPush(store, { pushId, plannedAt, images: [], verdict: { reason: 'failed' } });
});

async function end(
  label: string,
  state: TaskRecord['state'],
  reason: NonNullable<TaskRecord['reason']>,
  runs: readonly number[],
  culprit?: string,
): Promise<void> {
  await store.tasks.change(taskIdIn(pushId, label), () => ({
    version: 1,
    taskId: taskIdIn(pushId, label),
    label,
    pushId,
    plannedAt,
    state,
    reason,
    ...(culprit === undefined ? {} : { culprit }),
    created: plannedAt,
    resolved: plannedAt,
    runs: runs.map((run) => ({ run, state, reason, phases: {}, artifacts: [] })),
  }));
}

const stateOf = async (label: string): Promise<string> => {
  const record = await store.tasks.find(taskIdIn(pushId, label));
  return `${record?.state ?? ''} ${record?.reason ?? ''} ${record?.culprit ?? ''}`.trim();
};

describe('the runs that a task may have', () => {
  it('are counted from where it was last asked to run, and begin anew when it is set back', async () => {
    await store.tasks.change(taskIdIn(pushId, 'bad'), (present) => ({ ...present!, firstRun: 1 }));
    const budgetOf = async (): Promise<unknown> => {
      await recordPush(store, { pushId, plannedAt, images: [], verdict: { reason: 'failed' } });
      return (await store.pushes.findStatus(pushId))?.tasks.find(({ label }) => label === 'bad')?.budget;
    };

    expect(await budgetOf()).toEqual({ runs: 1, atMost: 6 });
    await setBack(store, { pushId, plannedAt, labels: ['bad'] }, {});
    expect(await budgetOf()).toBeUndefined();
  });
});

describe('a push that is opened again', () => {
  it('has its failed tasks set back, keeps their runs and the other tasks, and is running', async () => {
    await reopenPush(store, { push: again, pushId, rerun }, {});

    expect([await stateOf('good'), await stateOf('bad'), await stateOf('after')]).toEqual([
      'completed completed',
      'unscheduled',
      'unscheduled',
    ]);
    const status = await store.pushes.findStatus(pushId);
    expect(status).toMatchObject({ state: 'running', round: 2 });
    expect(status?.reason).toBeUndefined();
    expect(status?.tasks.map(({ label, state, runs }) => [label, state, runs.length])).toEqual([
      ['good', 'completed', 1],
      ['bad', 'pending', 2],
      ['after', 'unscheduled', 0],
    ]);
  });

  it('gives its workflow a graph in which the others have ended, and run numbers go on', async () => {
    await reopenPush(store, { push: again, pushId, rerun }, {});

    const { tasks } = await loadGraph(store, new PlanCache(store), {
      push: again,
      pushId,
      plannedAt,
      from: 0,
    });

    expect(tasks.map(([label, , firstRun, , ended]) => [label, firstRun, ended?.state])).toEqual([
      ['good', 1, 'completed'],
      ['bad', 2, undefined],
      ['after', 0, undefined],
    ]);
  });

  it('asks for its images at its own level, also for one that a higher level has built', async () => {
    const plan = (await store.pushes.findPlan(pushId))!;
    const image: Plan['images'][number] = {
      name: 'base',
      taskId: 'image/demo/3/base/f00d',
      context: 'base',
      parent: null,
      tarball: 'view',
      inputs: { contextHash: 'c', args: {}, platform: 'linux/amd64', parent: null, bases: {} },
      contextHash: 'c',
      imageHash: 'f00d',
      action: 'reuse',
      why: '',
      missingBases: [],
    };
    const tasks = plan.tasks.map((task) => ({ ...task, image: { type: 'in-tree' as const, name: 'base' } }));
    await store.pushes.writePlan({ ...plan, images: [image], tasks });

    const { images } = await reopenPush(store, { push: again, pushId, rerun }, {});

    expect(images).toMatchObject([{ name: 'base', taskId: 'image/demo/1/base/f00d', action: 'build' }]);

    // A parent that the plan left is asked for by the build of its child, if that has to be.
    const ground = { ...image, name: 'ground', action: 'not-needed' as const };
    const onGround = { ...image, parent: 'ground' };
    await store.pushes.writePlan({ ...plan, images: [ground, onGround], tasks });
    expect((await reopenPush(store, { push: again, pushId, rerun }, {})).images).toMatchObject([
      { name: 'ground', action: 'keep' },
      { name: 'base', action: 'build' },
    ]);
  });

  it('is the same when that is done twice, and its rounds are counted once', async () => {
    const first = await reopenPush(store, { push: again, pushId, rerun }, {});
    const second = await reopenPush(store, { push: again, pushId, rerun }, {});

    expect(second).toEqual(first);
    expect((await store.pushes.find(pushId))?.rounds).toEqual([
      { round: 2, began: again.received, by: 'another', tasks: 'failed' },
    ]);
  });
});

describe('a round that ended before it began', () => {
  it('leaves tasks as they ended, so that they can be run again', async () => {
    await recordPush(store, {
      pushId,
      plannedAt: '',
      push: again,
      images: [],
      verdict: { reason: 'canceled', detail: 'by hand' },
    });

    const status = await store.pushes.findStatus(pushId);
    expect(status).toMatchObject({ state: 'exception', reason: 'canceled', detail: 'by hand' });
    expect(status?.tasks.map(({ label, state }) => [label, state])).toEqual([
      ['good', 'completed'],
      ['bad', 'failed'],
      ['after', 'exception'],
    ]);
  });
});

describe('tasks that are set back while their push runs', () => {
  it('get the numbers of their next runs, and a push that had its verdict by then runs again', async () => {
    const runs = await setBack(store, { pushId, plannedAt, labels: ['bad', 'after'] }, {});

    expect(runs).toEqual([2, 0]);
    expect(await stateOf('bad')).toBe('unscheduled');
    expect((await store.pushes.findStatus(pushId))?.state).toBe('running');
  });
});
