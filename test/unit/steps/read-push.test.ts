import { beforeEach, describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ControlDeps } from '../../../activities/control.ts';
import { createControlActivities } from '../../../activities/control.ts';
import type { SlipwayApi } from '../../../client/api.ts';
import { cancelNamed } from '../../../client/cli/cancel-named.ts';
import { findImagesOfPush } from '../../../client/find-images.ts';
import { pushId as idOf, taskIdIn } from '../../../model/pure/ids.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import type { PushDocument, TaskRecord } from '../../../model/schema/records.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { readPush, readTaskRecords, recordPush } from '../../../steps/read-push.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { pushKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import type { CountedReads } from '../../helpers/counted-reads.ts';
import { countReads } from '../../helpers/counted-reads.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';
import { recordEnd, recordRuns } from '../../helpers/recorded-runs.ts';

it('Of the records of a push no lists of artifacts are kept: each may have 50,000, and there are as many records as tasks', async () => {
  const store = emptyStore();
  const pushId = `push/demo/1/${'a'.repeat(40)}`;
  const plannedAt = '2026-01-01T00:00:00.000Z';
  await recordRuns(store, { pushId, plannedAt }, [{ exitCode: 3 }, {}]);
  const plan = { pushId, plannedAt, tasks: [{ label: 'make' }] } as unknown as Plan;

  const records = await readTaskRecords(store, pushId, plan);

  const [first] = records.get('make')?.runs ?? [];
  expect(first).toEqual({ run: 0, state: 'completed', phases: {}, exitCode: 3 });
  expect(JSON.stringify([...records])).not.toContain('public/out');
  expect((await store.tasks.find(taskIdIn(pushId, 'make')))?.runs[0]?.artifacts).toHaveLength(1);
});

type TaskState = Pick<TaskRecord, 'state' | 'reason' | 'detail' | 'resolved'>;

describe('a push that got its verdict before all its tasks had ended', () => {
  const push = aPushInput();
  const pushId = idOf(push);
  const plannedAt = '2026-01-01T00:00:01.000Z';
  const ended = { state: 'exception', reason: 'canceled', resolved: '2026-01-01T00:09:00.000Z' } as const;
  const verdict = { reason: 'canceled' } as const;
  let objects: ObjectStore;
  let store: Store;

  beforeEach(async () => {
    objects = createMemoryObjectStore();
    store = createStore(objects);
    await receivePush(store, { push, pushId }, 'demo');
    const file = 'version: 1\ntasks: { make: { image: debian }, other: { image: debian } }\n';
    await store.pushes.writePlan(aPlanOf(push, { plannedAt, file }));
    await recordTask('other', ended);
    await recordTask('make', { state: 'running' });
    await recordPush(store, { pushId, plannedAt, images: [], verdict });
  });

  const recordTask = (label: string, state: TaskState, of = plannedAt): Promise<void> => {
    const taskId = taskIdIn(pushId, label);
    const common = { version: 1, taskId, label, pushId, plannedAt: of, created: of } as const;
    const runs = [{ run: 0, ...state, phases: {}, artifacts: [] }];
    return store.tasks.change(taskId, () => ({ ...common, ...state, runs }));
  };
  const statesOf = async (): Promise<readonly string[]> =>
    (await readPush(store, pushId)).tasks.map(({ label, state, reason = '', runs }) =>
      [label, state, reason, runs[0]?.state].join(' '),
    );

  it('shows the others as they end', async () => {
    expect(await statesOf()).toEqual(['make running  running', 'other exception canceled exception']);

    await recordTask('make', ended);

    expect(await statesOf()).toEqual([
      'make exception canceled exception',
      'other exception canceled exception',
    ]);
    expect(await readPush(store, pushId)).toMatchObject({ state: 'exception', reason: 'canceled' });
  });

  it('does not show them by the records of another round, nor those that had ended by anything but the verdict', async () => {
    await recordTask('make', ended, '2026-01-01T00:10:00.000Z');
    await recordTask('other', { ...ended, detail: 'later' });

    expect(await statesOf()).toEqual(['make running  running', 'other exception canceled exception']);
    expect(JSON.stringify(await readPush(store, pushId))).not.toContain('later');
  });

  it('shows its verdict also where its plan cannot be read', async () => {
    await objects.put(pushKey(pushId, 'plan'), Buffer.from('{"version": 1'), {});

    expect((await readPush(store, pushId)).reason).toBe('canceled');
  });

  it('is one read once all have ended in its record', async () => {
    await recordTask('make', ended);
    await recordPush(store, { pushId, plannedAt, images: [], verdict });
    const counted = countReads(objects);

    await readPush(createStore(counted.objects), pushId);

    expect(counted.keys).toEqual([pushKey(pushId, 'status')]);
  });

  it('says which newer push took its place', async () => {
    const supersededBy = `push/demo/1/${'b'.repeat(40)}`;

    await recordPush(store, { pushId, plannedAt, images: [], verdict: { ...verdict, supersededBy } });

    expect(await readPush(store, pushId)).toMatchObject({ reason: 'canceled', supersededBy });
  });
});

describe('a push of many tasks that goes on', () => {
  const push = aPushInput();
  const pushId = idOf(push);
  const plannedAt = '2026-01-01T00:00:01.000Z';
  const labels = Array.from({ length: 20 }, (_, at) => `t${at}`);
  let counted: CountedReads;
  let store: Store;
  beforeEach(async () => {
    counted = countReads(createMemoryObjectStore());
    store = createStore(counted.objects);
    await receivePush(store, { push, pushId }, 'demo');
    const tasks = labels.map((label) => `  ${label}: { image: debian }\n`);
    await store.pushes.writePlan(aPlanOf(push, { plannedAt, file: `version: 1\ntasks:\n${tasks.join('')}` }));
    for (const label of labels)
      await recordEnd(store, { pushId, plannedAt }, { label, state: 'failed', reason: 'failed', runs: [] });
  });
  const readOf = async (asking: () => Promise<unknown>, part: string): Promise<readonly string[]> => {
    const before = counted.keys.length;
    await asking();
    return counted.keys.slice(before).filter((key) => key.includes(part));
  };

  it('is recorded by a control worker with each news of it, and its plan read once', async () => {
    const activities = createControlActivities({ store, plans: new PlanCache(store) } as ControlDeps);
    const now = Date.now();
    const times = { scheduledTimestampMs: now, currentAttemptScheduledTimestampMs: now };
    const record = (): Promise<unknown> =>
      new MockActivityEnvironment(times).run(activities.recordPush, { pushId, plannedAt, push, images: [] });

    const plans = await readOf(async () => {
      for (let news = 0; news < 3; news += 1) await record();
    }, '/plan.json');

    expect(plans).toEqual([pushKey(pushId, 'plan')]);
  });

  it('is read with the records of those tasks only that are asked for, and the others stand as if they had none', async () => {
    let document: PushDocument | undefined;
    const read = async (): Promise<unknown> => (document = await readPush(store, pushId, ['t3']));

    expect(await readOf(read, '/tasks/')).toHaveLength(1);
    const states = document?.tasks.map(({ label, state }) => `${label} ${state}`) ?? [];
    expect(states).toHaveLength(labels.length);
    expect(states.filter((state) => !state.endsWith(' pending'))).toEqual(['t3 failed']);
  });

  it('is asked to end one of its tasks, or for its images, without a look at the records of the others', async () => {
    const api = {
      cancel: () => Promise.resolve(false),
      isRunning: (id: string) => Promise.resolve(id === pushId),
      read: (id: string, of?: readonly string[]) => readPush(store, id, of),
    } as unknown as SlipwayApi;
    const named = taskIdIn(pushId, 't3');
    let said = '';

    const ofTasks = await readOf(async () => {
      said = await cancelNamed(api, named);
      await findImagesOfPush(store, pushId, undefined).catch(() => undefined);
    }, '/tasks/');

    expect(said).toBe(`${named} is resolved already`);
    expect(ofTasks).toHaveLength(1);
  });
});
