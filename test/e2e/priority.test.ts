import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { queueName } from '../../model/pure/ids.ts';
import type { TestRepository } from '../helpers/live-stack.ts';
import { until } from '../helpers/live-stack.ts';
import { GATED, World } from '../helpers/world.ts';

jest.setTimeout(900_000);

/** The server's word for a queue of activities. */
const ACTIVITY_TASKS = 2;

const plain = { image: 'debian:bookworm', checkout: false, command: 'true' };

let world: World;
beforeAll(async () => {
  world = await World.open({ base: false });
  await world.startWorker(1, ['all'], { arguments: ['--capacity', '1'] });
});
afterAll(() => world?.[Symbol.asyncDispose]());

const labelled = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, place) => `${name}/${place}`);

/** A push of a new revision whose tasks are alike and need nothing of each other. */
async function start(
  repository: TestRepository,
  labels: readonly string[],
  fields: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const tasks = Object.fromEntries(labels.map((label) => [label, { ...plain, ...fields }]));
  return world.start(repository, await repository.commit({ 'slipway.yml': { version: 1, tasks } }));
}

/** Takes the only slot, until the gate of `holder` is opened. */
async function takeSlot(): Promise<string> {
  const id = await start(await world.createRepository(), ['holder'], { command: GATED });
  await until(async () => (await world.containers()).length > 0);
  return id;
}

/** Until so many runs wait for a runner at the server. */
async function untilQueued(count: number): Promise<void> {
  const { connection, options } = world.temporal;
  await until(async () => {
    const { statsByPriorityKey } = await connection.workflowService.describeTaskQueue({
      namespace: options.namespace,
      taskQueue: { name: queueName('runner', 1) },
      taskQueueType: ACTIVITY_TASKS,
      reportStats: true,
    });
    const waiting = Object.values(statsByPriorityKey ?? {}).map((stats) =>
      Number(stats.approximateBacklogCount ?? 0),
    );
    return waiting.reduce((sum, each) => sum + each, 0) >= count;
  });
}

/** Labels of the tasks of these pushes, in the order in which they began; all have completed. */
async function orderOf(...pushIds: readonly string[]): Promise<readonly string[]> {
  const documents = await Promise.all(pushIds.map((id) => world.verdict(id)));
  expect(documents.map(({ state }) => state)).toEqual(pushIds.map(() => 'completed'));
  const ids = documents.flatMap(({ tasks }) => tasks.map(({ taskId }) => taskId));
  const records = await Promise.all(ids.map((id) => world.live.api.task(id)));
  const began = records.map(({ label, runs }) => ({ label, at: Date.parse(runs[0]?.started ?? '') }));
  return began.sort((a, b) => a.at - b.at).map(({ label }) => label);
}

it('an urgent task of a later push begins before all that waits with a lower priority', async () => {
  const holding = await takeSlot();
  const repository = await world.createRepository();
  const early = await start(repository, labelled('early', 4), { priority: 'low' });
  await untilQueued(4);
  const late = await start(repository, ['urgent'], { priority: 'highest' });
  await untilQueued(5);
  await world.openGate('holder');

  const order = await orderOf(holding, early, late);

  expect(order.slice(0, 2)).toEqual(['holder', 'urgent']);
});

it('a project with little to do does not wait for all that another one has put before it', async () => {
  const holding = await takeSlot();
  const much = await start(await world.createRepository(), labelled('much', 8));
  await untilQueued(8);
  const little = await start(await world.createRepository(), labelled('little', 2));
  await untilQueued(10);
  await world.openGate('holder');

  const order = await orderOf(holding, much, little);

  expect(order[0]).toBe('holder');
  const places = labelled('little', 2).map((label) => order.indexOf(label));
  // In turns; one of the others may have been handed out already.
  expect(Math.max(...places)).toBeLessThanOrEqual(5);
});
