import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { StartedPush, StartPush } from '../../client/api.ts';
import { followPush } from '../../client/follow-push.ts';
import type { AskTemporal } from '../../client/reach-temporal.ts';
import { startPush } from '../../client/start-push.ts';
import { serverConfigSchema } from '../../model/schema/config.ts';
import { recordPush } from '../../steps/read-push.ts';
import { createStore } from '../../store/create-store.ts';
import { createMemoryObjectStore } from '../../store/memory-object-store.ts';
import type { Store } from '../../store/store.ts';
import {
  aPush,
  aTask,
  createEnvironment,
  planned,
  until,
  untilCancelled,
  World,
} from '../helpers/workflow-world.ts';

jest.setTimeout(60_000);

const config = serverConfigSchema.parse({
  version: 1,
  projects: { demo: { sources: [{ repository: 'file:///srv/demo.git', refs: { '*': 1 } }] } },
});

let env: TestWorkflowEnvironment;
let world: World;
let store: Store;
let pushed: StartPush;
/** What is done meanwhile counts against the time that the server has for its answer. */
let isAsked = false;
let askedOfStore = 0;
/** Done once, before Temporal is asked the next time. */
let beforeAsked: (() => Promise<void>) | undefined;
beforeAll(async () => {
  env = await createEnvironment();
});
afterAll(() => env.teardown());
afterEach(() => expect(askedOfStore).toBe(0));
beforeEach(() => {
  world = new World(env);
  const objects = createMemoryObjectStore();
  askedOfStore = 0;
  store = createStore({
    ...objects,
    get: (key, signal) => {
      if (isAsked) askedOfStore += 1;
      return objects.get(key, signal);
    },
  });
  const { repository, ref, revision, request, pushedBy } = aPush();
  pushed = { repository, ref, revision, request, pushedBy };
});

const askTemporal: AskTemporal = async (_level, work) => {
  const due = beforeAsked;
  beforeAsked = undefined;
  await due?.();
  isAsked = true;
  return work(env.client).finally(() => (isAsked = false));
};
const start = (options: Partial<StartPush> = {}): Promise<StartedPush> =>
  startPush({ askTemporal, store, config }, { ...pushed, ...options });

/** Whether a push was told that it counts on what ran before. */
async function isAgain(pushId: string): Promise<boolean | undefined> {
  const { events } = await env.client.workflow.getHandle(pushId).fetchHistory();
  const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
  return (JSON.parse(Buffer.from(input ?? []).toString()) as { again?: boolean }).again;
}

/** As the workers' own activities would. */
async function record(reason?: 'completed'): Promise<void> {
  const push = { ...aPush(), ...pushed };
  const pushId = `push/demo/1/${pushed.revision}`;
  await recordPush(store, {
    pushId,
    plannedAt: '',
    images: [],
    push,
    ...(reason ? { verdict: { reason } } : {}),
  });
}

describe('starting a push', () => {
  it('is not done again for one that ended between the look at its record and the start', async () => {
    const outcomes = await world.during(async () => {
      const first = await start();
      await env.client.workflow.getHandle(first.pushId).result();
      beforeAsked = () => record('completed');
      const second = await start();
      return [first.outcome, second.outcome, (await start()).outcome];
    });

    expect(outcomes).toEqual(['started', 'resolved', 'resolved']);
    expect(world.plans).toBe(1);
  });

  it('carries one out anew whose records have gone, as one that was there before, and joins one that has none yet', async () => {
    let mayPlan = false;
    world.beforePlan = () => until(() => mayPlan);

    const [outcomes, again] = await world.during(async () => {
      const first = await start();
      const second = await start();
      mayPlan = true;
      await env.client.workflow.getHandle(first.pushId).result();
      const third = await start();
      await env.client.workflow.getHandle(third.pushId).result();
      return [[first, second, third].map(({ outcome }) => outcome), await isAgain(third.pushId)] as const;
    });

    expect(outcomes).toEqual(['started', 'joined', 'started']);
    expect(again).toBe(true);
    expect(world.plans).toBe(2);
  });

  it('tells who follows one whose records have gone, and waits for the record of one that was ended from outside', async () => {
    const signal = AbortSignal.timeout(30_000);
    const known = { askTemporal, store };

    await world.during(async () => {
      const { pushId } = await start();
      await env.client.workflow.getHandle(pushId).result();
      const gone = followPush(known, pushId, signal)[Symbol.asyncIterator]().next();
      await expect(gone).rejects.toMatchObject({ type: 'NotFound' });
    });

    const { pushId } = await start();
    await env.client.workflow.getHandle(pushId).terminate();
    const settled = followPush(known, pushId, signal)[Symbol.asyncIterator]().next();
    await setTimeout(500);
    await record('completed');
    expect((await settled).value).toMatchObject({ id: pushId, state: 'completed' });
  });

  it('of which a new round is asked for waits until the workflow that has given its verdict has ended', async () => {
    world.plan = () => planned([aTask('t')]);
    world.run = () => untilCancelled();

    const outcomes = await world.during(async () => {
      const first = await start();
      await until(() => world.started.length === 1);
      const { client } = env;
      const handle = client.workflow.getHandle(first.pushId);
      const running = await start({ again: true });
      await record('completed');
      const ended = start({ again: true });
      await setTimeout(300);
      await handle.terminate();
      await until(() => world.plans === 2);
      // The first record of the new round.
      await record();
      const again = await ended;
      await client.workflow.getHandle(again.pushId).terminate();
      return [running, again];
    });

    expect(outcomes).toMatchObject([{ outcome: 'joined' }, { outcome: 'started', round: 2 }]);
    expect(outcomes[0]?.round).toBeUndefined();
  });

  it('adds a further ref to the record of a push that is resolved', async () => {
    await record('completed');

    const { pushId, outcome } = await start({ ref: 'refs/heads/other' });

    expect(outcome).toBe('resolved');
    expect((await store.pushes.find(pushId))?.refs).toEqual(['refs/heads/main', 'refs/heads/other']);
  });

  it('goes on with the numbers of the runs when the push was terminated by hand', async () => {
    world.plan = () => planned([aTask('t')]);
    world.run = () => untilCancelled();

    const again = await world.during(async () => {
      const first = await start();
      await until(() => world.started.length === 1);
      await record();
      await env.client.workflow.getHandle(first.pushId).terminate();
      const second = await start();
      const handle = env.client.workflow.getHandle(second.pushId);
      await handle.cancel();
      await handle.result().catch(() => undefined);
      return isAgain(second.pushId);
    });

    expect(again).toBe(true);
  });
});
