import { beforeEach, describe, expect, it } from '@jest/globals';
import { pushId as pushIdOf, taskIdIn } from '../../../model/pure/ids.ts';
import type { PushInput } from '../../../model/pure/payloads.ts';
import type { Rerun } from '../../../model/pure/rerun.ts';
import { ConfigInvalid } from '../../../model/errors.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import type { TaskRecord } from '../../../model/schema/records.ts';
import { loadGraph } from '../../../steps/load-graph.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { recordPush } from '../../../steps/read-push.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import type { SetBackDeps } from '../../../steps/set-back.ts';
import { reopenPush, setBack } from '../../../steps/set-back.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { createStore } from '../../../store/create-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';
import { recordEnd } from '../../helpers/recorded-runs.ts';

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

const context = { signal: new AbortController().signal };

/** What the server's configuration says of the project. */
const granting = (grants: object, refs: object = { '*': 1 }): SetBackDeps['readServerConfig'] => {
  const demo = { sources: [{ repository: push.repository, refs }], ...grants };
  return () => Promise.resolve(serverConfigSchema.parse({ version: 1, projects: { demo } }));
};

let store: Store;
let deps: SetBackDeps;
beforeEach(async () => {
  store = createStore(createMemoryObjectStore());
  deps = { store, readServerConfig: granting({}) };
  await receivePush(store, { push, pushId }, 'demo');
  await store.pushes.writePlan(aPlanOf(push, { plannedAt, file: FILE }));
  await end('good', 'completed', 'completed', [0]);
  await end('bad', 'failed', 'failed', [0, 1]);
  await end('after', 'exception', 'dependency-failed', [], 'bad');
  await recordPush(store, { pushId, plannedAt, images: [], verdict: { reason: 'failed' } });
});

function end(
  label: string,
  state: TaskRecord['state'],
  reason: NonNullable<TaskRecord['reason']>,
  runs: readonly number[],
  culprit?: string,
): Promise<void> {
  const ended = { label, state, reason, runs, ...(culprit === undefined ? {} : { culprit }) };
  return recordEnd(store, { pushId, plannedAt }, ended);
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
    await setBack(deps, { pushId, plannedAt, labels: ['bad'] }, {});
    expect(await budgetOf()).toBeUndefined();
  });
});

describe('a push that is opened again', () => {
  it('has its failed tasks set back, keeps their runs and the other tasks, and is running', async () => {
    await reopenPush(deps, { push: again, pushId, rerun }, context);

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
    await reopenPush(deps, { push: again, pushId, rerun }, context);

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

    const { images } = await reopenPush(deps, { push: again, pushId, rerun }, context);

    expect(images).toMatchObject([{ name: 'base', taskId: 'image/demo/1/base/f00d', action: 'build' }]);

    // A parent that the plan left is asked for by the build of its child, if that has to be.
    const ground = { ...image, name: 'ground', action: 'not-needed' as const };
    const onGround = { ...image, parent: 'ground' };
    await store.pushes.writePlan({ ...plan, images: [ground, onGround], tasks });
    expect((await reopenPush(deps, { push: again, pushId, rerun }, context)).images).toMatchObject([
      { name: 'ground', action: 'keep' },
      { name: 'base', action: 'build' },
    ]);
  });

  it('is the same when that is done twice, and its rounds are counted once', async () => {
    const first = await reopenPush(deps, { push: again, pushId, rerun }, context);
    const second = await reopenPush(deps, { push: again, pushId, rerun }, context);

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
    const runs = await setBack(deps, { pushId, plannedAt, labels: ['bad', 'after'] }, {});

    expect(runs).toEqual([2, 0]);
    expect(await stateOf('bad')).toBe('unscheduled');
    expect((await store.pushes.findStatus(pushId))?.state).toBe('running');
  });
});

describe('tasks that ask for what is not granted any more', () => {
  const after = (asked: string): Promise<void> => {
    const file = FILE.replace('dependencies: [bad]', `dependencies: [bad], ${asked}`);
    return store.pushes.writePlan(aPlanOf(push, { plannedAt, file }));
  };
  const downstream: Rerun = { tasks: ['bad'], downstream: true };
  const reopen = (asked: Rerun): Promise<unknown> =>
    reopenPush(deps, { push: { ...again, rerun: asked }, pushId, rerun: asked }, context);
  const states = (): Promise<readonly string[]> => Promise.all(['good', 'bad', 'after'].map(stateOf));

  it.each([
    ['"kvm"', 'capabilities: { devices: { kvm: true } }', { capabilities: { 1: ['kvm'] } }],
    [
      '"disableSeccomp"',
      'capabilities: { disableSeccomp: true }',
      { capabilities: { 1: ['disableSeccomp'] } },
    ],
    ['"allowPtrace"', 'features: { allowPtrace: true }', { capabilities: { 1: ['allowPtrace'] } }],
    ['"dind"', 'features: { dind: true }', { capabilities: { 1: ['dind'] } }],
    ['secret "KEY"', 'secrets: [KEY]', { secrets: { 1: ['KEY'] } }],
  ])('keep a round from beginning, downstream too, which names them: %s', async (what, asked, grants) => {
    await after(asked);
    const before = await states();
    const status = await store.pushes.findStatus(pushId);
    const other = Object.fromEntries(Object.keys(grants).map((by) => [by, { 1: ['other'] }]));
    deps = { store, readServerConfig: granting(other) };

    await expect(reopen(downstream)).rejects.toMatchObject({
      type: 'NotGranted',
      message: expect.stringContaining(`task "after": ${what} is not granted to project "demo" at level 1; `),
    });

    expect(await states()).toEqual(before);
    expect(await store.pushes.findStatus(pushId)).toEqual(status);
    // Whoever asked for it is told of its end by its number.
    expect((await store.pushes.find(pushId))?.rounds).toMatchObject([{ round: 2 }]);

    deps = { store, readServerConfig: granting(grants) };
    await expect(reopen(downstream)).resolves.toMatchObject({ outcome: 'planned' });
  });

  it('leave a round alone in which they do not run', async () => {
    await after('secrets: [KEY]');

    await expect(reopen({ tasks: ['bad'], downstream: false })).resolves.toMatchObject({
      outcome: 'planned',
    });
  });

  it('keep it from beginning also where they run since nothing is known of their end', async () => {
    const file = `${FILE}  late: { image: debian, secrets: [KEY] }\n`;
    await store.pushes.writePlan(aPlanOf(push, { plannedAt, file }));

    const asked = reopen({ tasks: ['bad'], downstream: false });

    await expect(asked).rejects.toThrow('task "late": secret "KEY" is not granted');
  });

  it('are all of them where the ref has another level by now, or none', async () => {
    for (const refs of [{ '*': 3 }, { 'release/*': 1 }]) {
      deps = { store, readServerConfig: granting({}, refs) };
      await expect(reopen(downstream)).rejects.toMatchObject({ type: 'ProjectNotFound' });
    }
  });

  it('are not set back while their push runs, and their records say why; the others are', async () => {
    await after('features: { dind: true }');
    const labels = ['bad', 'after'];

    const runs = await setBack(deps, { pushId, plannedAt, labels, mayRefuse: true }, {});
    await setBack(deps, { pushId, plannedAt, labels, mayRefuse: true }, {});

    expect(runs).toEqual([2, -1]);
    expect([await stateOf('bad'), await stateOf('after')]).toEqual([
      'unscheduled',
      'exception dependency-failed bad',
    ]);
    expect((await store.tasks.find(taskIdIn(pushId, 'after')))?.detail).toMatch(
      /^Not run again: task "after": "dind" is not granted to project "demo" at level 1; "capabilities: \{1: \[dind\]\}" under projects\.demo in slipway\.config\.yml grants it$/,
    );
  });

  it('are not set back, nor any other with them, for who knows of no refusal', async () => {
    await after('features: { dind: true }');
    const before = await states();

    const asked = setBack(deps, { pushId, plannedAt, labels: ['bad', 'after'] }, {});

    await expect(asked).rejects.toMatchObject({ type: 'NotGranted' });
    expect(await states()).toEqual(before);
  });

  it('are all of them while the configuration cannot be read, which does not hurt a push that runs', async () => {
    deps = { store, readServerConfig: () => Promise.reject(new ConfigInvalid('it is cut')) };

    const runs = await setBack(deps, { pushId, plannedAt, labels: ['bad'], mayRefuse: true }, {});

    expect(runs).toEqual([-1]);
    expect(await store.tasks.find(taskIdIn(pushId, 'bad'))).toMatchObject({
      state: 'failed',
      detail: 'Not run again: it is cut',
    });
    expect((await store.pushes.findStatus(pushId))?.state).toBe('failed');
  });
});
