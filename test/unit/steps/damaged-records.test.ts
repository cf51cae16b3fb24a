import { beforeEach, describe, expect, it } from '@jest/globals';
import type { GraphPage } from '../../../model/pure/graph-pages.ts';
import { imageTaskId, pushId as pushIdOf, taskIdIn } from '../../../model/pure/ids.ts';
import type { PushInput, RunInput } from '../../../model/pure/payloads.ts';
import { TASK_REASONS } from '../../../model/pure/states.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import { nextRunOf } from '../../../steps/index-image.ts';
import { loadGraph } from '../../../steps/load-graph.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { recordPush, recordUnstarted } from '../../../steps/read-push.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import type { SetBackDeps } from '../../../steps/set-back.ts';
import { reopenPush, setBack } from '../../../steps/set-back.ts';
import { settlePush } from '../../../steps/settle-push.ts';
import { claimRun, findEnded, recordRun } from '../../../steps/task-run.ts';
import { createStore } from '../../../store/create-store.ts';
import { pushKey, taskKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';

const push = aPushInput();
const pushId = pushIdOf(push);
const plannedAt = '2026-01-01T00:00:01.000Z';
const rerun = { tasks: ['bad'], downstream: false };
const again: PushInput = { ...push, again: true, round: 2, received: '2026-01-02T00:00:00.000Z' };
const bad = taskIdIn(pushId, 'bad');
const FILE = `version: 1
tasks:
  good: { image: debian }
  bad: { image: debian }
`;
const IDENTITY = { worker: 'w', engineId: 'e', queue: 'q' };
const context = { signal: new AbortController().signal };
const deps = (): SetBackDeps => ({
  store,
  readServerConfig: () => Promise.resolve(serverConfigSchema.parse({ version: 1 })),
});
const CUT = '{"version": 1';

let objects: ObjectStore;
let store: Store;
let plans: PlanCache;
beforeEach(async () => {
  objects = createMemoryObjectStore();
  store = createStore(objects);
  plans = new PlanCache(store);
  await receivePush(store, { push, pushId }, 'shared');
  await store.pushes.writePlan({ ...aPlanOf(push, { plannedAt, file: FILE }), domain: 'shared' });
  await recordPush(store, { pushId, plannedAt, images: [] });
  await carryOut('good', 0, true);
  await carryOut('bad', 0, false);
  await carryOut('bad', 1, true);
});

const inputOf = (label: string, run: number): RunInput => ({
  task: {
    ...{ taskId: taskIdIn(pushId, label), label, pushId, plannedAt, level: 1 },
    ...{ firstRun: 0, retries: 1, deadlineSeconds: 60, maxRunTimeSeconds: 60 },
  },
  run,
});

async function carryOut(label: string, run: number, final: boolean): Promise<void> {
  const input = inputOf(label, run);
  await claimRun({ store, plans, identity: IDENTITY }, input, context);
  const reason = label === 'good' ? 'completed' : 'worker-lost';
  await recordRun(store, plans, { ...input, state: TASK_REASONS[reason].state, reason, final });
}

const damage = (key: string, text = CUT): Promise<unknown> => objects.put(key, Buffer.from(text));
const damageTask = (text?: string): Promise<unknown> => damage(`${taskKey(bad)}/status.json`, text);
const runsOf = async (taskId: string): Promise<readonly (readonly [number, string | undefined])[]> =>
  ((await store.tasks.find(taskId))?.runs ?? []).map(({ run, reason }) => [run, reason] as const);
const graphOf = (input: PushInput): Promise<GraphPage> =>
  loadGraph(store, plans, { push: input, pushId, plannedAt, from: 0 });
const firstRuns = ({ tasks }: GraphPage): readonly unknown[] => tasks.map(([label, , run]) => [label, run]);

describe('A push with a damaged record of a task', () => {
  it.each([CUT, ''])('has its verdict recorded (%j)', async (text) => {
    await damageTask(text);

    await recordPush(store, { pushId, plannedAt, push, images: [], verdict: { reason: 'failed' } });

    const status = await store.pushes.findStatus(pushId);
    expect(status).toMatchObject({ state: 'failed', reason: 'failed' });
    expect(status?.tasks.map(({ label, runs }) => [label, runs.length])).toEqual([
      ['good', 1],
      ['bad', 0],
    ]);
  });

  it('is settled, its task too, and runs count on', async () => {
    await damageTask();
    const before = await store.pushes.findStatus(pushId);

    const verdict = { reason: 'canceled', detail: 'terminated' } as const;
    await settlePush({ store, plans }, { pushId, before, verdict }, {});

    const status = await store.pushes.findStatus(pushId);
    expect(status).toMatchObject({ state: 'exception', reason: 'canceled' });
    expect(status?.tasks.find(({ label }) => label === 'bad')).toMatchObject({ reason: 'canceled' });
    expect(await runsOf(bad)).toEqual([
      [0, 'internal-error'],
      [1, 'internal-error'],
    ]);
    expect(firstRuns(await graphOf(again))).toEqual([
      ['good', 1],
      ['bad', 2],
    ]);
  });

  it('goes on in a new round, in which no run takes the claim of one before', async () => {
    await damageTask();

    expect(firstRuns(await graphOf(again))).toEqual([
      ['good', 1],
      ['bad', 2],
    ]);
    await carryOut('bad', 2, true);

    expect(await runsOf(bad)).toEqual([
      [0, 'internal-error'],
      [1, 'internal-error'],
      [2, 'worker-lost'],
    ]);
  });

  it('has that task run again where it is named, and set back while the push runs', async () => {
    await recordPush(store, { pushId, plannedAt, push, images: [], verdict: { reason: 'failed' } });
    await damageTask();
    await reopenPush(deps(), { push: { ...again, rerun }, pushId, rerun }, context);

    const { tasks } = await graphOf({ ...again, rerun });
    expect(tasks.map(([label, , run, , ended]) => [label, run, ended?.state])).toEqual([
      ['good', 1, 'completed'],
      ['bad', 2, undefined],
    ]);
    expect(await store.tasks.find(bad)).toMatchObject({ label: 'bad', state: 'unscheduled' });

    await damageTask();
    expect(await setBack(deps(), { pushId, plannedAt, labels: ['bad'] }, {})).toEqual([2]);
  });

  it('has one that was hurt while its run went on ended by that run', async () => {
    await damageTask();
    expect(await findEnded(store, inputOf('bad', 1))).toBeUndefined();

    const input = inputOf('bad', 1);
    await recordRun(store, plans, { ...input, state: 'exception', reason: 'worker-lost', final: true });

    expect(await store.tasks.find(bad)).toMatchObject({ state: 'exception', reason: 'worker-lost' });
    expect(await runsOf(bad)).toEqual([
      [0, 'internal-error'],
      [1, 'worker-lost'],
    ]);
  });

  it('keeps the damaged one until another takes its place, so that its runs are not forgotten', async () => {
    await damageTask();
    const tasks = [{ label: 'bad', reason: 'canceled' as const }];

    const late = recordUnstarted(store, plans, { pushId, plannedAt, tasks }, { isGivenUp: () => true });

    await expect(late).rejects.toThrow();
    expect(firstRuns(await graphOf(again))).toContainEqual(['bad', 2]);
  });

  it('does not end, and leaves it as it is, where a newer version wrote it', async () => {
    const newer = JSON.stringify({ ...(await store.tasks.find(bad)), version: 2 });
    await damageTask(newer);
    const isTooOld = { type: 'VersionTooOld' };

    const verdict = { reason: 'failed' } as const;
    const recording = recordPush(store, { pushId, plannedAt, push, images: [], verdict });
    await expect(recording).rejects.toMatchObject(isTooOld);
    await expect(graphOf(again)).rejects.toMatchObject(isTooOld);
    await expect(setBack(deps(), { pushId, plannedAt, labels: ['bad'] }, {})).rejects.toMatchObject(isTooOld);
    await expect(carryOut('bad', 2, true)).rejects.toMatchObject(isTooOld);

    expect((await objects.get(`${taskKey(bad)}/status.json`))?.body.toString()).toBe(newer);
  });
});

describe('An image with a damaged record', () => {
  const image = imageTaskId({ domain: 'shared', level: 1, name: 'base', imageHash: 'f00d' });

  it('is built under a number that no build has had', async () => {
    await damage(`${taskKey(image)}/status.json`);
    expect(await nextRunOf(store, image)).toBe(0);

    for (const run of [0, 9, 10])
      await store.logs.append(image, run, { seq: 0, text: Buffer.from('x\n'), taskBytes: 0 });

    expect(await nextRunOf(store, image)).toBe(11);
  });
});

describe('A push whose own record is damaged', () => {
  const record = async (): Promise<unknown> => store.pushes.find(pushId);

  beforeEach(() => damage(pushKey(pushId, 'push')));

  it('is told of with what mends it', async () => {
    await expect(record()).rejects.toThrow(/is damaged: .*; a new round writes it anew: slipway push --rev/);
  });

  it.each([undefined, { reason: 'failed' as const }])(
    'has it written anew by what was pushed, in its trust domain, with its verdict or before (%j)',
    async (verdict) => {
      await recordPush(store, { pushId, plannedAt, push, images: [], ...(verdict ? { verdict } : {}) });

      expect(await record()).toMatchObject({ pushId, domain: 'shared', refs: [push.ref], request: {} });
      expect(await store.pushes.findStatus(pushId)).toMatchObject({ state: verdict ? 'failed' : 'running' });
    },
  );

  it('is settled', async () => {
    const before = await store.pushes.findStatus(pushId);

    await settlePush(
      { store, plans },
      { pushId, before, verdict: { reason: 'canceled', detail: '' }, push },
      {},
    );

    expect(await record()).toMatchObject({ domain: 'shared' });
    expect(await store.pushes.findStatus(pushId)).toMatchObject({ state: 'exception', reason: 'canceled' });
  });

  it('begins a new round, and has tasks set back while it runs', async () => {
    await setBack(deps(), { push, pushId, plannedAt, labels: ['bad'] }, {});
    expect(await record()).toMatchObject({ pushId });

    await damage(pushKey(pushId, 'push'));
    await receivePush(store, { push: again, pushId }, 'shared');

    expect(await record()).toMatchObject({ refs: [push.ref], rounds: [{ round: 2 }] });
  });
});
