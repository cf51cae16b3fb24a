import { beforeEach, describe, expect, it } from '@jest/globals';
import { pushId as pushIdOf, taskIdIn } from '../../../model/pure/ids.ts';
import type { PushInput, TaskInput } from '../../../model/pure/payloads.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { readPush, recordPush, recordUnstarted } from '../../../steps/read-push.ts';
import { claimRun } from '../../../steps/task-run.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';

const push: PushInput = {
  project: 'demo',
  level: 1,
  repository: 'file:///srv/demo.git',
  ref: 'refs/heads/main',
  revision: 'a'.repeat(40),
  request: {},
  pushedBy: 'somebody',
  received: '2026-01-01T00:00:00.000Z',
};
const pushId = pushIdOf(push);
const plannedAt = '2026-01-01T00:00:01.000Z';
const taskId = taskIdIn(pushId, 't');
const identity = { worker: 'w', engineId: 'e', queue: 'runner-1@e' };
const { signal } = new AbortController();

let store: Store;
let plans: PlanCache;
beforeEach(() => {
  store = createStore(createMemoryObjectStore());
  plans = new PlanCache(store);
  // What is asked of a plan here is only what the task runs in.
  const image = { type: 'docker-image', name: 'debian:bookworm' } as const;
  plans.task = () => Promise.resolve({ label: 't', image } as unknown as Plan['tasks'][number]);
});

const run = (n: number): { task: TaskInput; run: number } => ({
  task: {
    pushId,
    plannedAt,
    taskId,
    label: 't',
    level: 1,
    firstRun: 0,
    retries: 0,
    deadlineSeconds: 1,
    maxRunTimeSeconds: 1,
  },
  run: n,
});

describe('the record of a task that was ended from outside', () => {
  it('ends the run that was open, and a late claim of that run changes nothing', async () => {
    await claimRun({ store, plans, identity }, run(0), { signal });
    await recordUnstarted(store, plans, { pushId, plannedAt, tasks: [{ label: 't', reason: 'canceled' }] });

    const late = claimRun({ store, plans, identity }, run(0), { signal });

    await expect(late).rejects.toMatchObject({ type: 'RunSuperseded' });
    const record = await store.tasks.find(taskId);
    expect([record?.state, record?.runs.map(({ state, reason }) => `${state} ${reason ?? ''}`)]).toEqual([
      'exception',
      ['exception canceled'],
    ]);
  });
});

describe('the record of a push that ended before it was planned', () => {
  it('is made with the verdict, and is found by who follows the push', async () => {
    const verdict = { reason: 'repository-unavailable', detail: 'away' } as const;

    await recordPush(store, { pushId, plannedAt: '', images: [], verdict, push });

    expect(await readPush(store, pushId)).toMatchObject({
      state: 'exception',
      ...verdict,
      revision: push.revision,
    });
    expect(await store.pushes.list({ levels: [1], limit: 1 })).toEqual([{ pushId, received: push.received }]);
  });
});
