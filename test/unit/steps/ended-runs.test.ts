import { beforeEach, describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createClaimActivities } from '../../../activities/runner.ts';
import type { ReferableRun } from '../../../model/pure/claim-payloads.ts';
import { pushId as pushIdOf, taskIdIn } from '../../../model/pure/ids.ts';
import type { ContainerResult, RecordRunInput, TaskInput } from '../../../model/pure/payloads.ts';
import type { TaskReason } from '../../../model/pure/states.ts';
import { TASK_REASONS } from '../../../model/pure/states.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { readPush, recordPush, recordUnstarted } from '../../../steps/read-push.ts';
import { claimRun, findEnded, recordRun } from '../../../steps/task-run.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { PutOptions } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPushInput } from '../../helpers/push-input.ts';

const push = aPushInput();
const pushId = pushIdOf(push);
const plannedAt = '2026-01-01T00:00:01.000Z';
const taskId = taskIdIn(pushId, 't');
const identity = { worker: 'w', engineId: 'e', queue: 'runner-1@e' };
const { signal } = new AbortController();

let store: Store;
let plans: PlanCache;
/** Done once, before the next status that is put, as if its writer stood still between its read and its write. */
let meanwhile: (() => Promise<unknown>) | undefined;
/** Done before a log that is joined is put. */
let joining: ((options: PutOptions | undefined) => Promise<void>) | undefined;
beforeEach(() => {
  joining = undefined;
  const objects = createMemoryObjectStore();
  meanwhile = undefined;
  store = createStore({
    ...objects,
    async put(key, body, options) {
      const first = key.endsWith('/status.json') ? meanwhile : undefined;
      if (first) meanwhile = undefined;
      await first?.();
      if (key.endsWith('/live.log')) await joining?.(options);
      return objects.put(key, body, options);
    },
  });
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

describe('the record of a task that has runs left', () => {
  const logOf = async (n: number): Promise<string> => {
    const log = await store.artifacts.read(taskId, n, 'public/logs/live.log', signal);
    return (await log.toArray()).join('');
  };
  const lost = (n: number, final: boolean): RecordRunInput => {
    const { task, ...rest } = ended(n, 'worker-lost', final);
    return { ...rest, task: { ...task, firstRun: 1, retries: 2 } };
  };

  it('says how many, and so do the logs of its runs', async () => {
    await recordRun(store, plans, lost(1, false));
    await recordRun(store, plans, lost(2, false));
    const between = await store.tasks.find(taskId);
    await recordRun(store, plans, lost(3, true));

    expect(between).toMatchObject({ state: 'pending', firstRun: 1 });
    expect(await logOf(1)).toMatch(/worker-lost\. A new run follows\. It is 2 of at most 3\.\n$/);
    expect(await logOf(2)).toMatch(/ It is 3 of at most 3\.\n$/);
    expect(await logOf(3)).toMatch(/ The task is resolved: this was 3 of at most 3 runs\.\n$/);
  });

  it('leaves a lost run as it was when the task ends before the next one', async () => {
    await recordRun(store, plans, lost(1, false));
    const detail = 'Run 1 had ended worker-lost, and run 2 had not begun';
    const tasks = [{ label: 't', reason: 'canceled', detail } as const];
    await recordUnstarted(store, plans, { pushId, plannedAt, tasks });

    const record = await store.tasks.find(taskId);
    expect(record).toMatchObject({ state: 'exception', reason: 'canceled', detail, firstRun: 1 });
    expect(record?.runs.map(({ run: number, state, reason }) => [number, state, reason])).toEqual([
      [1, 'exception', 'worker-lost'],
    ]);
  });
});

it('A run that has ended stays as it is when its push was reset and takes it for one of its own', async () => {
  await recordRun(store, plans, {
    ...ended(0, 'completed', true),
    result: { exitCode: 0 } as ContainerResult,
  });
  const before = await store.tasks.find(taskId);
  const { task, ...rest } = ended(0, 'worker-lost', false);

  await recordRun(store, plans, {
    ...rest,
    task: { ...task, plannedAt: '2026-01-01T00:05:00.000Z', retries: 2 },
  });

  expect(before?.runs[0]).toMatchObject({
    state: 'completed',
    artifacts: [{ name: 'public/logs/live.log' }],
  });
  expect((await store.tasks.find(taskId))?.runs).toEqual(before?.runs);
  expect(await states()).toEqual(['pending ', 'completed completed']);
});

const ended = (n: number, reason: TaskReason, final: boolean): RecordRunInput => ({
  ...run(n),
  state: TASK_REASONS[reason].state,
  reason,
  final,
});
const states = async (): Promise<string[]> => {
  const record = await store.tasks.find(taskId);
  return [record, ...(record?.runs ?? [])].map((one) => `${one?.state} ${one?.reason ?? ''}`);
};
const standsStill = (): { isGivenUp: () => boolean } => {
  let isGivenUp = false;
  const work = meanwhile;
  meanwhile = async () => {
    isGivenUp = true;
    await work?.();
  };
  return { isGivenUp: () => isGivenUp };
};

describe('a writer that stood still between its read and its write', () => {
  const newer = async (): Promise<void> => {
    await recordRun(store, plans, ended(0, 'worker-lost', false));
    await claimRun({ store, plans, identity }, run(1), { signal });
    await recordRun(store, plans, ended(1, 'completed', true));
  };
  const resolved = ['completed completed', 'exception worker-lost', 'completed completed'];

  it.each([
    ['that knows that it was given up', true],
    ['that does not know it', false],
  ])('puts no end of a run over what came meanwhile, one %s', async (_name, knows) => {
    await claimRun({ store, plans, identity }, run(0), { signal });
    meanwhile = newer;
    const context = knows ? standsStill() : {};

    await recordRun(store, plans, ended(0, 'worker-lost', false), context).catch(() => undefined);

    expect(await states()).toEqual(resolved);
  });

  it('claims no run that ended meanwhile', async () => {
    meanwhile = async () => {
      await claimRun({ store, plans, identity }, run(0), { signal });
      await newer();
    };

    const late = claimRun({ store, plans, identity }, run(0), { signal });

    await expect(late).rejects.toMatchObject({ type: 'RunSuperseded' });
    expect(await states()).toEqual(resolved);
  });

  it('puts no end without a run over the verdict that came meanwhile, and over no newer round when it was given up', async () => {
    const unstarted = { pushId, plannedAt, tasks: [{ label: 't', reason: 'canceled' as const }] };
    meanwhile = newer;
    await recordUnstarted(store, plans, unstarted);
    expect(await states()).toEqual(resolved);

    meanwhile = () =>
      claimRun(
        { store, plans, identity },
        { ...run(2), task: { ...run(2).task, plannedAt: 'later' } },
        { signal },
      );
    const late = recordUnstarted(store, plans, { ...unstarted, plannedAt: 'sooner' }, standsStill());

    await expect(late).rejects.toMatchObject({ type: 'InternalError' });
    expect(await states()).toEqual(['running ', ...resolved.slice(1), 'running ']);
  });

  it('puts no status over the verdict of a push', async () => {
    await recordPush(store, { pushId, plannedAt: '', images: [], push });
    meanwhile = () =>
      recordPush(store, { pushId, plannedAt: '', images: [], push, verdict: { reason: 'completed' } });
    const late = recordPush(store, { pushId, plannedAt: '', images: [], push }, standsStill());

    await expect(late).rejects.toMatchObject({ type: 'InternalError' });
    expect(await readPush(store, pushId)).toMatchObject({ state: 'completed' });
  });
});

describe('the log of a run that takes longer to join than an attempt to record it has', () => {
  it('is joined by the next attempt, which says the last line no second time; the first one ends when it is told to', async () => {
    const first = new AbortController();
    let joined = 0;
    joining = (options) => {
      joined += 1;
      if (joined > 1) return Promise.resolve();
      return new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new Error('cut short')), { once: true });
        first.abort(new Error('out of time'));
      });
    };
    await store.logs.append(taskId, 0, { seq: 0, text: Buffer.from('its output\n'), taskBytes: 11 });
    const attempt = (made: number, to: AbortSignal): Promise<void> =>
      recordRun(store, plans, ended(0, 'failed', true), { signal: to, attempts: { made, enough: Infinity } });

    await expect(attempt(1, first.signal)).rejects.toThrow('out of time');
    await attempt(2, signal);

    const log = await store.artifacts.read(taskId, 0, 'public/logs/live.log', signal);
    const lines = (await log.toArray()).join('').trimEnd().split('\n');
    expect(lines).toEqual([
      'its output',
      expect.stringMatching(/^\[slipway:error \S+\] Run 0 ended: failed\/failed\. The task is resolved\.$/),
    ]);
    expect(await states()).toEqual(['failed failed', 'failed failed']);
  });

  it('has the last line also where the task itself has written the same words', async () => {
    const text = 'Run 0 ended: failed/failed. The task is resolved.\n';
    await store.logs.append(taskId, 0, { seq: 0, text: Buffer.from(text), taskBytes: 11 });

    await recordRun(store, plans, ended(0, 'failed', true));

    const log = await store.artifacts.read(taskId, 0, 'public/logs/live.log', signal);
    expect((await log.toArray()).join('').split('\n')).toHaveLength(3);
  });
});

describe('a claim', () => {
  it('says how long its run has waited, which stays when it is asked for again and when the run has ended', async () => {
    const claim = (asked: Date): Promise<unknown> =>
      claimRun({ store, plans, identity }, { ...run(0), asked: asked.toISOString() }, { signal });
    const waited = async () => (await store.tasks.find(taskId))?.runs[0]?.phases.queueMs;
    await claim(new Date(Date.now() - 5_000));
    const first = await waited();

    await claim(new Date(Date.now() + 1_000));
    const again = await waited();
    const loaded = { engineImageId: 'i', bytesLoaded: 0, imageMs: 7 };
    await recordRun(store, plans, { ...ended(0, 'completed', true), loaded });

    expect(first).toBeGreaterThanOrEqual(5_000);
    expect(first).toBeLessThan(60_000);
    expect(again).toBe(first);
    expect((await store.tasks.find(taskId))?.runs[0]?.phases).toEqual({ queueMs: first, imageMs: 7 });
  });

  it('that comes after a task was ended from outside without a run changes nothing', async () => {
    await recordUnstarted(store, plans, { pushId, plannedAt, tasks: [{ label: 't', reason: 'canceled' }] });

    const late = claimRun({ store, plans, identity }, run(0), { signal });

    await expect(late).rejects.toMatchObject({ type: 'RunSuperseded' });
    expect(await states()).toEqual(['exception canceled']);
  });
});

it('The end of a task is the one that its record has in this round; a run of it has ended before', async () => {
  const found: unknown[] = [await findEnded(store, run(0))];
  await recordRun(store, plans, ended(0, 'worker-lost', false));
  found.push(await findEnded(store, run(1)));
  await recordRun(store, plans, { ...ended(1, 'worker-lost', true), detail: 'gone' });
  found.push(await findEnded(store, { ...run(1), task: { ...run(1).task, plannedAt: 'later' } }));

  expect(found).toEqual([undefined, undefined, undefined]);
  expect(await findEnded(store, run(1))).toEqual({ ended: { reason: 'worker-lost', detail: 'gone' } });
});

it('A runner answers a claim of a task that has its end with that, where it is asked so, and claims nothing', async () => {
  const engine = { images: { find: () => Promise.resolve(undefined) } };
  plans.plan = () => Promise.resolve({ images: [] } as unknown as Plan);
  const activities = createClaimActivities({ store, plans, identity, engine, platform: 'linux/amd64' });
  const claim = (input: ReferableRun): Promise<unknown> => {
    const now = Date.now();
    const times = { scheduledTimestampMs: now, currentAttemptScheduledTimestampMs: now };
    return new MockActivityEnvironment(times).run(activities.claimRun, input);
  };
  const asked = { ...run(0), mayRefer: true, mayHaveEnded: true } as const;

  const first = await claim(asked);
  await recordRun(store, plans, ended(0, 'completed', true));

  expect(first).toMatchObject({ engineId: 'e' });
  expect(await claim({ ...asked, run: 1 })).toEqual({ ended: { reason: 'completed' } });
  expect(await store.tasks.findClaim(taskId, 1)).toBeUndefined();
});

it('The route of a task leads to what it has left also when a further run of it is recorded after its end', async () => {
  const image = { type: 'docker-image', name: 'debian:bookworm' } as const;
  const planned = { label: 't', image, routes: ['made.latest'] } as unknown as Plan['tasks'][number];
  plans.task = () => Promise.resolve(planned);
  plans.plan = () => Promise.resolve({ domain: 'demo', level: 1 } as unknown as Plan);
  const artifacts = [{ name: 'public/out', sizeBytes: 1, sha256: 'a'.repeat(64), contentType: 'text/plain' }];
  await store.artifacts.recordSaved(taskId, 0, { artifacts, missing: [], uploadMs: 1, bytesUploaded: 1 });
  const saved = { artifacts: [], missing: [], uploadMs: 1, bytesUploaded: 1 };
  await recordRun(store, plans, { ...ended(0, 'completed', true), saved });
  const before = await store.routes.find('demo', 1, 'made.latest');

  await recordRun(store, plans, ended(1, 'worker-lost', false));

  expect(before?.artifacts.map(({ name }) => name)).toEqual(['public/out', 'public/logs/live.log']);
  expect(await store.routes.find('demo', 1, 'made.latest')).toEqual(before);
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

describe('the record of a run that came to no result', () => {
  const saved = { artifacts: [], missing: [], uploadMs: 1, bytesUploaded: 1 };
  const ran = { runMs: 12_000, exitCode: 137 };
  const recorded = async () => (await store.tasks.find(taskId))?.runs[0];

  it.each(['canceled', 'worker-shutdown', 'worker-lost'] as const)(
    'but ended %s has how long its command ran, its exit code and its peak of memory, as they were found',
    async (reason) => {
      const found = { ...saved, ran, peakMemoryBytes: 5_000_000 };
      await recordRun(store, plans, { ...ended(0, reason, true), saved: found });

      expect(await recorded()).toMatchObject({
        exitCode: 137,
        peakMemoryBytes: 5_000_000,
        phases: { runMs: 12_000, uploadMs: 1 },
      });
    },
  );

  it('has none of them where nobody found them', async () => {
    await recordRun(store, plans, { ...ended(0, 'canceled', true), saved });

    for (const fact of ['exitCode', 'peakMemoryBytes']) expect(await recorded()).not.toHaveProperty(fact);
    expect((await recorded())?.phases).toEqual({ uploadMs: 1 });
  });

  it('has how long its image was tried for', async () => {
    await recordRun(store, plans, { ...ended(0, 'resource-unavailable', true), imageMs: 3_000 });

    expect((await recorded())?.phases).toEqual({ imageMs: 3_000 });
  });

  it('has what the result says where there is one', async () => {
    const result = { reason: 'failed', exitCode: 3, prepareMs: 5, runMs: 7 } as const;
    await recordRun(store, plans, { ...ended(0, 'failed', true), result, saved: { ...saved, ran } });

    expect(await recorded()).toMatchObject({ exitCode: 3, phases: { prepareMs: 5, runMs: 7 } });
  });
});

describe('the artifacts of a run', () => {
  const artifacts = [{ name: 'public/out', sizeBytes: 1, sha256: 'a'.repeat(64), contentType: 'text/plain' }];
  const saved = { artifacts, missing: [], uploadMs: 1, bytesUploaded: 1 };
  const recorded = async (): Promise<readonly string[] | undefined> =>
    (await store.tasks.find(taskId))?.runs[0]?.artifacts.map(({ name }) => name);

  it('are those that were written down in the store: what is said between activities has no room for many', async () => {
    await store.artifacts.recordSaved(taskId, 0, saved);

    await recordRun(store, plans, { ...ended(0, 'completed', true), saved: { ...saved, artifacts: [] } });

    expect(await recorded()).toEqual(['public/out', 'public/logs/live.log']);
  });

  it('are those of a history that names them, where nothing was written down', async () => {
    await recordRun(store, plans, { ...ended(0, 'completed', true), saved });

    expect(await recorded()).toEqual(['public/out', 'public/logs/live.log']);
  });
});
