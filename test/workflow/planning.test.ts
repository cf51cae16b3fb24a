import { expect, it, jest } from '@jest/globals';
import { Context } from '@temporalio/activity';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { toFailure } from '../../activities/to-failure.ts';
import { findPlanning } from '../../client/find-planning.ts';
import { RepositoryBusy } from '../../source/turns.ts';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import type { World } from '../helpers/workflow-world.ts';
import {
  anImage,
  aTask,
  failure,
  impatientBundle,
  planned,
  until,
  untilCancelled,
} from '../helpers/workflow-world.ts';

jest.setTimeout(90_000);

let env: TestWorkflowEnvironment;
let world: World;
onFreshWorlds((fresh, server) => {
  [world, env] = [fresh, server];
});

const FETCHING = 'fetching https://git.example/large';

/** Lets planning tell that it fetches, until it is stopped. */
async function fetchWithoutEnd(): Promise<never> {
  const { cancelled, heartbeat } = Context.current();
  const beat = setInterval(() => heartbeat({ message: FETCHING }), 50);
  try {
    return await cancelled;
  } finally {
    clearInterval(beat);
  }
}

it('Planning, which fetches the repository, has as much time for that as a build, and more than one attempt fits into all of it', async () => {
  const lint = anImage('lint');
  world.plan = () => planned([aTask('a', { image: 'lint' })], [lint]);
  const secondsOf = async (workflowId: string, activity: string): Promise<readonly number[]> => {
    const { events } = await env.client.workflow.getHandle(workflowId).fetchHistory();
    const scheduled = (events ?? [])
      .map((event) => event.activityTaskScheduledEventAttributes)
      .find((asked) => asked?.activityType?.name === activity);
    return [scheduled?.startToCloseTimeout, scheduled?.scheduleToCloseTimeout].map((limit) =>
      Number(limit?.seconds),
    );
  };

  const [ofPlan = [], ofBuild = []] = await world.during(async () => {
    const push = await world.startPush();
    await push.result();
    return [await secondsOf(push.id, 'planPush'), await secondsOf(lint.taskId, 'buildImage')];
  });

  const [attempt = 0, all = 0] = ofPlan;
  expect(attempt).toBeGreaterThanOrEqual(ofBuild[0] ?? Infinity);
  expect(all).toBeGreaterThan(2 * attempt);
});

it('What planning does, and what it met before, is known while it goes on', async () => {
  world.beforePlan = async () => {
    if (Context.current().info.attempt === 1) throw failure('RepositoryUnavailable', true);
    await fetchWithoutEnd();
  };

  await world.during(async () => {
    const push = await world.startPush();
    const planning = (): Promise<string | undefined> => findPlanning(env.client, push.id);
    await until(async () => (await planning())?.startsWith(FETCHING) === true);
    expect(await planning()).toBe(`${FETCHING}; it failed before: it was RepositoryUnavailable`);
    await push.cancel();
    await push.result().catch(() => undefined);
    expect(await planning()).toBeUndefined();
  });
});

it('A push whose time for planning is over while the repository is tried once more ends as what was met before', async () => {
  world.beforePlan = async () => {
    if (Context.current().info.attempt === 1) throw failure('RepositoryUnavailable', true);
    await untilCancelled();
  };

  const outcome = await world.during(async () => (await world.startPush()).result(), impatientBundle());

  expect(outcome.reason).toBe('repository-unavailable');
  expect(world.lastRecord().verdict).toEqual({
    reason: 'repository-unavailable',
    detail: 'it was RepositoryUnavailable',
  });
});

it('A push whose time for planning is over while nothing has failed tells what planning was at', async () => {
  world.beforePlan = fetchWithoutEnd;

  await world.during(async () => (await world.startPush()).result(), impatientBundle());

  expect(world.lastRecord().verdict).toEqual({
    reason: 'internal-error',
    detail: `no answer in time (SCHEDULE_TO_CLOSE), told last: ${FETCHING}`,
  });
});

it('A push that is sent away while its repository is fetched for another is planned when it was told to come again, and not before', async () => {
  const comes: number[] = [];
  const busy = new RepositoryBusy('/r', 4_000);
  world.beforePlan = () => {
    comes.push(performance.now());
    return comes.length === 1 ? Promise.reject(toFailure(busy) as Error) : Promise.resolve();
  };

  const outcome = await world.during(async () => {
    const push = await world.startPush();
    await until(async () => (await findPlanning(env.client, push.id)) !== undefined);
    expect(await findPlanning(env.client, push.id)).toBe(`it failed before: ${busy.message}`);
    return push.result();
  });

  expect(outcome.reason).toBe('completed');
  const [first = 0, second = 0] = comes;
  expect(second - first).toBeGreaterThanOrEqual(4_000);
});
