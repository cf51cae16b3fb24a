import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { EndingWait, StartedPush, StartPush } from '../../client/api.ts';
import { followPush } from '../../client/follow-push.ts';
import type { AskTemporal } from '../../client/reach-temporal.ts';
import { rerunPush } from '../../client/rerun-push.ts';
import { startPush } from '../../client/start-push.ts';
import { pushId as pushIdOf } from '../../model/pure/ids.ts';
import type { PushVerdict } from '../../model/pure/push-verdict.ts';
import { serverConfigSchema } from '../../model/schema/config.ts';
import { recordPush } from '../../steps/read-push.ts';
import { receivePush } from '../../steps/receive-push.ts';
import { createStore } from '../../store/create-store.ts';
import { createMemoryObjectStore } from '../../store/memory-object-store.ts';
import type { Store } from '../../store/store.ts';
import { aPlanOf } from '../helpers/push-input.ts';
import {
  aPush,
  aTask,
  beating,
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
/** The same for the workers, whose reads keep no client from its answer. */
let workersStore: Store;
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
  workersStore = createStore(objects);
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
const start = (options: Partial<StartPush> = {}, wait?: EndingWait): Promise<StartedPush> =>
  startPush({ askTemporal, store, config }, { ...pushed, ...options }, wait);

/** Whether a push was told that it counts on what ran before. */
async function isAgain(pushId: string): Promise<boolean | undefined> {
  const { events } = await env.client.workflow.getHandle(pushId).fetchHistory();
  const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
  return (JSON.parse(Buffer.from(input ?? []).toString()) as { again?: boolean }).again;
}

/** As the workers' own activities would. */
async function record(reason?: PushVerdict['reason'], more: Partial<PushVerdict> = {}): Promise<void> {
  const push = { ...aPush(), ...pushed };
  const pushId = `push/demo/1/${pushed.revision}`;
  await recordPush(workersStore, {
    pushId,
    plannedAt: '',
    images: [],
    push,
    ...(reason ? { verdict: { reason, ...more } } : {}),
  });
}

/** A push with a task that runs, which ends but for its verdict once it is cancelled; that is recorded when it may be. */
class Ending {
  mayEnd = false;
  #isEnding = false;

  constructor() {
    world.plan = () => planned([aTask('t')]);
    world.run = () => untilCancelled();
    world.onRecordPush = async ({ verdict }) => {
      if (!verdict) return;
      this.#isEnding = true;
      await beating(until(() => this.mayEnd));
    };
  }

  async begin(): Promise<ReturnType<typeof env.client.workflow.getHandle>> {
    const { pushId } = await start();
    await until(() => world.plans === 1 && world.started.length > 0);
    return env.client.workflow.getHandle(pushId);
  }

  /** Asks for a new round and gives what came of it, once that was waited for and the verdict was given. */
  async ask<T>(asking: (wait: EndingWait) => Promise<T>, recordVerdict: () => Promise<void>): Promise<T> {
    await until(() => this.#isEnding);
    let isTold = false;
    const asked = asking({ onEnding: () => (isTold = true) });
    try {
      await until(() => isTold, 10_000);
      expect(world.plans).toBe(1);
      await recordVerdict();
    } finally {
      this.mayEnd = true;
    }
    await until(() => world.plans === 2);
    // The first record of the new round.
    await record();
    return asked;
  }
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

  it('of which a new round is asked for after it was cancelled waits for its end, and begins the round then', async () => {
    const ending = new Ending();

    const started = await world.during(async () => {
      const handle = await ending.begin();
      await handle.cancel();
      const again = await ending.ask(
        (wait) => start({ again: true }, wait),
        () => record('canceled'),
      );
      // Its tasks end with it.
      await handle.cancel();
      await handle.result().catch(() => undefined);
      return again;
    });

    expect(started).toMatchObject({ outcome: 'started', round: 2 });
  });

  it('does not wait for ever for a push that does not come to its end', async () => {
    const ending = new Ending();

    await world.during(async () => {
      const handle = await ending.begin();
      await handle.cancel();
      await until(() => world.pushRecords.some(({ verdict }) => verdict));
      const again = start({ again: true }, { patienceMs: 0 });
      await expect(again).rejects.toMatchObject({ type: 'PushEnding' });
      ending.mayEnd = true;
      await handle.result().catch(() => undefined);
    });
  });

  it('that a newer one is just taking the place of is its turn again: it is carried out after its end', async () => {
    const ending = new Ending();
    const supersededBy = `push/demo/1/${'b'.repeat(40)}`;
    const projects = { demo: { ...config.projects.demo, supersede: true } };
    const superseding = serverConfigSchema.parse({ version: 1, projects });

    const started = await world.during(async () => {
      const handle = await ending.begin();
      await handle.signal('superseded', { by: supersededBy });
      const again = await ending.ask(
        (wait) => startPush({ askTemporal, store, config: superseding }, pushed, wait),
        () => record('canceled', { supersededBy }),
      );
      // Its tasks end with it.
      await handle.cancel();
      await handle.result().catch(() => undefined);
      return again;
    });

    expect(started).toMatchObject({ outcome: 'started', round: 2 });
    expect(world.planInputs[1]?.push).toMatchObject({ again: true, arrivedAgain: true });
    expect(world.pushRecords.find(({ verdict }) => verdict)?.verdict).toMatchObject({ supersededBy });
  });

  it('is joined where no worker says whether it is ending', async () => {
    const { pushId } = await start();
    await record();

    expect((await start({ again: true })).outcome).toBe('joined');

    await env.client.workflow.getHandle(pushId).terminate();
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

describe('running tasks of a push again', () => {
  const rerun = { tasks: ['t'], downstream: false };
  const asked = (pushId: string): Parameters<typeof rerunPush>[1] => ({ pushId, rerun, by: 'anne' });

  it('waits for the end of one that was cancelled, which would not hear of it, and begins a new round then', async () => {
    const ending = new Ending();

    const outcome = await world.during(async () => {
      const handle = await ending.begin();
      await plan();
      await handle.cancel();
      const again = await ending.ask(
        (wait) => rerunPush({ askTemporal, store, config }, asked(handle.workflowId), wait),
        () => record('canceled'),
      );
      // Its tasks end with it.
      await handle.cancel();
      await handle.result().catch(() => undefined);
      return again;
    });

    expect(outcome).toEqual({ outcome: 'started', round: 2 });
    expect(world.reruns).toEqual([rerun]);
  });

  it('asks one that goes on, and one of which no worker says whether it is ending', async () => {
    const { pushId } = await start();
    await plan();
    await record();

    const ask = (): Promise<unknown> =>
      rerunPush({ askTemporal, store, config }, { ...asked(pushId), rerun: { ...rerun, tasks: ['own'] } });

    expect(await ask()).toEqual({ outcome: 'asked' });
    let mayEnd = false;
    // Tasks of other tests may still run.
    world.plan = () => planned([aTask('own')]);
    world.run = async () => {
      await beating(until(() => mayEnd));
      return {};
    };
    await world.during(async () => {
      await until(() => world.started.includes('own#0'));
      expect(await ask()).toEqual({ outcome: 'asked' });
      mayEnd = true;
      await env.client.workflow.getHandle(pushId).result();
    });
    expect(world.started.filter((run) => run.startsWith('own'))).toEqual(['own#0', 'own#1']);
  });

  it('says of one whose new round takes long to be planned that nothing of that has ended', async () => {
    let mayPlan = false;
    world.beforePlan = () => beating(until(() => mayPlan));
    await plan();
    await record('completed');

    await world.during(async () => {
      const push = await world.startPush({ ...aPush(), ...pushed, again: true, round: 2 });
      const again = rerunPush({ askTemporal, store, config }, asked(push.id));
      try {
        await expect(again).rejects.toMatchObject({
          type: 'NotFound',
          message: expect.stringContaining(`A new round of ${push.id} has begun and is not planned yet`),
        });
      } finally {
        mayPlan = true;
      }
      await push.result();
    });
  });

  async function plan(): Promise<void> {
    const push = { ...aPush(), ...pushed };
    const file = 'version: 1\ntasks: { t: { image: debian }, own: { image: debian } }\n';
    await receivePush(workersStore, { push, pushId: pushIdOf(push) }, 'demo');
    await workersStore.pushes.writePlan(aPlanOf(push, { plannedAt: push.received, file }));
  }
});
