import { describe, expect, it, jest } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { findHeldUp } from '../../client/held-up.ts';
import { taskIdIn } from '../../model/pure/ids.ts';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import {
  aTask,
  deafFleetBundle,
  failure,
  planned,
  until,
  untilCancelled,
  World,
} from '../helpers/workflow-world.ts';

jest.setTimeout(120_000);

let env: TestWorkflowEnvironment;
let world: World;
onFreshWorlds((fresh, server) => {
  [world, env] = [fresh, server];
  world.plan = () => planned([aTask('t')]);
});

const runsOf = (): string[] =>
  world.runRecords.map(({ run, reason, final }) => `${run} ${reason}${final ? '' : ' …'}`);

describe('task', () => {
  it('has as much time to record its end, with which a log of any size is joined, as for moving artifacts', async () => {
    const history = await world.during(async () => {
      const push = await world.startPush();
      await push.result();
      return env.client.workflow.getHandle(taskIdIn(push.id, 't')).fetchHistory();
    });

    const secondsOf = (name: string): number =>
      Number(
        (history.events ?? [])
          .map((event) => event.activityTaskScheduledEventAttributes)
          .find((scheduled) => scheduled?.activityType?.name === name)?.startToCloseTimeout?.seconds,
      );
    expect(secondsOf('recordRun')).toBeGreaterThanOrEqual(secondsOf('saveArtifacts'));
  });

  it.each([
    ['failed', { reason: 'failed', exitCode: 3 }, 'failed/failed'],
    ['max-run-time-exceeded', { reason: 'max-run-time-exceeded' }, 'failed/max-run-time-exceeded'],
    ['out-of-memory', { reason: 'out-of-memory' }, 'failed/out-of-memory'],
  ] as const)('resolves without a new run when the command ended %s', async (_name, result, state) => {
    world.run = () => Promise.resolve(result);

    await world.during(async () => (await world.startPush()).result());

    expect(world.stateOf('t')).toBe(state);
    expect(world.started).toEqual(['t#0']);
  });

  it('fails when a required artifact is missing, naming it', async () => {
    world.save = () => ({ missing: [{ name: 'public/a', found: 'absent' }] });

    await world.during(async () => (await world.startPush()).result());

    expect(world.runRecords.at(-1)).toMatchObject({
      reason: 'artifact-missing',
      detail: 'missing: public/a (absent)',
    });
  });

  it('starts new runs while retries last when the command asks for it', async () => {
    world.plan = () => planned([aTask('t', { retries: 2 })]);
    world.run = () => Promise.resolve({ reason: 'intermittent-task', exitCode: 75 });

    await world.during(async () => (await world.startPush()).result());

    expect(runsOf()).toEqual(['0 intermittent-task …', '1 intermittent-task …', '2 intermittent-task']);
    expect(world.stateOf('t')).toBe('exception/intermittent-task');
  });

  it('resolves resource-unavailable without a new run when its image cannot be had', async () => {
    world.run = () => Promise.reject(failure('ImageUnavailable'));

    await world.during(async () => (await world.startPush()).result());

    expect(runsOf()).toEqual(['0 resource-unavailable']);
    expect(world.runRecords[0]?.detail).toBe('it was ImageUnavailable');
  });

  it('does so too when its image is damaged, and whoever examines it says that nothing of ours mends that', async () => {
    world.beforeLoad = () =>
      Promise.reject(Object.assign(failure('ImageDamaged'), { details: ['sha256:1'] }));
    world.examine = () => Promise.reject(failure('ImageUnavailable'));

    await world.during(async () => (await world.startPush()).result());

    expect(runsOf()).toEqual(['0 resource-unavailable']);
    expect(world.runRecords[0]?.detail).toBe('it was ImageUnavailable');
  });

  it('tells how long its image was tried for when that does not come', async () => {
    world.beforeLoad = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      throw failure('ImageUnavailable');
    };

    await world.during(async () => (await world.startPush()).result());

    expect(runsOf()).toEqual(['0 resource-unavailable']);
    expect(world.runRecords[0]?.imageMs).toBeGreaterThan(0);
  });

  it('runs again when its repository was away, and not when that lacks its revision', async () => {
    world.plan = () => planned([aTask('t'), aTask('lacks')]);
    world.run = (label, run) => {
      if (label === 'lacks') return Promise.reject(failure('RevisionNotFound'));
      return run === 0 ? Promise.reject(failure('RepositoryUnavailable')) : Promise.resolve({});
    };

    await world.during(async () => (await world.startPush()).result());

    expect(runsOf().sort()).toEqual(['0 resource-unavailable', '0 worker-lost …', '1 completed']);
    expect(world.stateOf('t')).toBe('completed/completed');
  });

  it('counts a queue that nobody polls as a lost worker and runs elsewhere; asks who is there before all that waits, for a while', async () => {
    world.queueOf = (_label, run) => (run === 0 ? 'runner-1@gone' : 'runner-1@engine');

    const history = await world.during(async () => {
      const push = await world.startPush();
      await push.result();
      return env.client.workflow.getHandle(taskIdIn(push.id, 't')).fetchHistory();
    });

    const claims = (history.events ?? [])
      .map((event) => event.activityTaskScheduledEventAttributes)
      .filter((scheduled) => scheduled?.activityType?.name === 'claimRun')
      .map((scheduled) => [
        Number(scheduled?.scheduleToStartTimeout?.seconds ?? 0),
        scheduled?.priority?.priorityKey,
      ]);
    expect(claims).toEqual([
      [0, undefined],
      [30, 1],
      [0, undefined],
    ]);
    expect(runsOf()).toEqual(['0 worker-lost …', '1 completed']);
    expect(world.started).toEqual(['t#1']);
  });

  it('asks for its engine less and less often while nobody answers, and can be cancelled meanwhile', async () => {
    const pauses = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.claims.length === 1);
      const pausesSoFar = async (): Promise<readonly number[]> => {
        const { events } = await env.client.workflow.getHandle(taskIdIn(push.id, 't')).fetchHistory();
        const timers = (events ?? []).flatMap(({ timerStartedEventAttributes: timer }) => timer ?? []);
        // The first one is the task's deadline.
        return timers.slice(1).map(({ startToFireTimeout }) => Number(startToFireTimeout?.seconds));
      };
      await until(async () => (await pausesSoFar()).length === 2, 30_000);
      await push.cancel();
      await push.result().catch(() => undefined);
      return pausesSoFar();
    }, deafFleetBundle());

    expect(pauses).toEqual([10, 20]);
    expect(runsOf()).toEqual(['0 canceled']);
  });

  it('is claimed for the engine that has its image when that takes it, else on the shared queue, and is sent nowhere twice', async () => {
    const claimsWith = async (change: () => void): Promise<readonly string[]> => {
      world = new World(env);
      world.plan = () => planned([aTask('t')]);
      world.heldBy = () => 'runner-1@engine';
      change();
      await world.during(async () => (await world.startPush()).result());
      expect(runsOf()).toEqual(['0 completed']);
      return world.claims;
    };

    expect(await claimsWith(() => undefined)).toEqual(['t on runner-1', 't on runner-1@engine']);
    expect(await claimsWith(() => (world.hasNoSlot = true))).toEqual([
      't on runner-1',
      't on runner-1@engine',
      't on runner-1',
    ]);
    // One that nobody polls.
    expect(await claimsWith(() => (world.heldBy = () => 'runner-1@gone'))).toEqual([
      't on runner-1',
      't on runner-1',
    ]);
  });

  it('waits for another runner where one is too old for its plan, which is told, and spends no run', async () => {
    let isOld = true;
    world.beforeClaim = () => (isOld ? Promise.reject(failure('VersionTooOld', true)) : Promise.resolve());

    const told = await world.during(async () => {
      const push = await world.startPush();
      const taskId = taskIdIn(push.id, 't');
      const heldUp = async (): Promise<string | undefined> => {
        const all = await findHeldUp(env.client, [taskId]);
        return all.get(taskId);
      };
      await until(async () => (await heldUp()) !== undefined);
      const why = await heldUp();
      isOld = false;
      await push.result();
      return why;
    });

    expect(told).toBe('it was VersionTooOld');
    expect(runsOf()).toEqual(['0 completed']);
  });

  it.each([
    ['completed', 'completed'],
    ['worker-lost', 'failed'],
  ] as const)(
    'whose record says %s already ends so, begins nothing and records nothing, and the push is %s',
    async (reason, verdict) => {
      world.endedAs = () => ({ reason });

      const outcome = await world.during(async () => (await world.startPush()).result());

      expect(outcome.reason).toBe(verdict);
      expect(world.claims).toHaveLength(1);
      expect([world.started, world.runRecords, world.unstarted]).toEqual([[], [], []]);
    },
  );

  it.each([
    ['WorkerShutdown', 'worker-shutdown', false],
    ['ContainerLost', 'worker-lost', false],
    // May pass, but rather on another machine than here.
    ['EngineOutOfSpace', 'worker-lost', true],
  ])('saves what is left of a run that ended by %s, and starts a new one', async (type, reason, mayPass) => {
    let saves = 0;
    world.run = (_label, run) => (run === 0 ? Promise.reject(failure(type, mayPass)) : Promise.resolve({}));
    world.save = () => {
      saves += 1;
      return { missing: [] };
    };

    await world.during(async () => (await world.startPush()).result());

    expect(runsOf()).toEqual([`0 ${reason} …`, '1 completed']);
    expect(world.started).toEqual(['t#0', 't#1']);
    expect(saves).toBe(2);
  });

  it('is cancelled by itself: the container is killed, the push goes on without it', async () => {
    world.plan = () => planned([aTask('t'), aTask('other')]);
    world.run = (label) => (label === 't' ? untilCancelled() : Promise.resolve({}));

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.started.includes('t#0'));
      await env.client.workflow.getHandle(`${push.id.replace('push/', 'task/')}/t`).cancel();
      return push.result();
    });

    expect(outcome.reason).toBe('failed');
    expect(world.killed).toEqual(['t']);
    expect(world.stateOf('t')).toBe('exception/canceled');
    expect(world.stateOf('other')).toBe('completed/completed');
  });

  it('is canceled also when the attempt that the cancel meets fails with what the next one might not have', async () => {
    world.run = () => untilCancelled().catch(() => Promise.reject(failure('MachineBusy', true)));

    await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.started.includes('t#0'));
      await env.client.workflow.getHandle(taskIdIn(push.id, 't')).cancel();
      return push.result();
    });

    expect(runsOf()).toEqual(['0 canceled']);
    expect(world.stateOf('t')).toBe('exception/canceled');
  });

  it('leaves a lost run as it ended when it is cancelled before the next one', async () => {
    world.run = () => Promise.reject(failure('ContainerLost'));

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.runRecords.length === 1);
      await env.client.workflow.getHandle(taskIdIn(push.id, 't')).cancel();
      return push.result();
    });

    expect(outcome.reason).toBe('failed');
    expect(runsOf()).toEqual(['0 worker-lost …']);
    expect(world.unstarted).toEqual([
      { label: 't', reason: 'canceled', detail: 'Run 0 had ended worker-lost, and run 1 had not begun' },
    ]);
  });

  it('leaves a lost run as it ended when its deadline comes before the next one', async () => {
    world.plan = () => planned([aTask('t', { deadlineSeconds: 13, retries: 9 })]);
    world.run = () => Promise.reject(failure('ContainerLost'));

    await world.during(async () => (await world.startPush()).result());

    expect(new Set(runsOf().map((run) => run.slice(2)))).toEqual(new Set(['worker-lost …']));
    expect(world.unstarted).toEqual([
      {
        label: 't',
        reason: 'deadline-exceeded',
        detail: expect.stringMatching(
          /^Its deadline came 13 seconds after .*\. Run \d had ended worker-lost, and run \d had not begun$/,
        ),
      },
    ]);
  });

  it('ends deadline-exceeded when it is not resolved in time', async () => {
    world.plan = () => planned([aTask('t', { deadlineSeconds: 8 })]);
    world.run = () => untilCancelled();

    await world.during(async () => (await world.startPush()).result());

    expect(world.stateOf('t')).toBe('exception/deadline-exceeded');
  });
});
