import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import {
  aPush,
  aTask,
  createEnvironment,
  planned,
  quickTasksBundle,
  until,
  World,
} from '../helpers/workflow-world.ts';
import { historiesOf } from '../helpers/histories-of.ts';

const TASKS = Number(process.env['SLIPWAY_TEST_TASKS'] ?? 10_000);

jest.setTimeout(1_800_000);

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await createEnvironment();
});
afterAll(() => env.teardown());

it(`a push of ${TASKS} tasks runs all of them, and no history of it nears a limit`, async () => {
  const world = new World(env);
  const width = TASKS / 20;
  const label = (i: number): string => `test/suite-of-many-tests-with-a-long-name/${i}`;
  world.plan = () =>
    planned(
      Array.from({ length: TASKS }, (_, i) =>
        aTask(label(i), {
          dependencies:
            i < width ? [] : [width, width - 1, width / 2].map((back) => label(Math.trunc(i - back))),
        }),
      ),
    );
  const began = Date.now();
  // Tasks that end as soon as they begin: the push itself is what is looked at here.
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue: 'control-1',
    workflowBundle: await quickTasksBundle(),
    activities: world.activities(),
    maxCachedWorkflows: 600,
  });

  const { outcome, histories, closed } = await worker.runUntil(async () => {
    const push = await world.startPush(aPush());
    const ended = await push.result();
    await until(async () => (await historiesOf(env.client, push.id)).every(({ isClosed }) => isClosed));
    const { count } = await env.client.workflow.count(
      `WorkflowType = 'task' AND ExecutionStatus = 'Completed' AND WorkflowId STARTS_WITH '${push.id.replace('push/', 'task/')}/'`,
    );
    return { outcome: ended, histories: await historiesOf(env.client, push.id), closed: count };
  });

  const events = Math.max(...histories.map((history) => history.events));
  const bytes = Math.max(...histories.map((history) => history.bytes));
  const seconds = Math.round((Date.now() - began) / 1000);
  process.stderr.write(
    `${TASKS} tasks in ${seconds} s; the push had ${histories.length} runs, the longest history ${events} events and ${bytes} bytes\n`,
  );
  expect(outcome).toEqual({ state: 'completed', reason: 'completed' });
  expect(closed).toBe(TASKS);
  // The server ends a workflow at 51,200 events or 50 MB.
  expect(events).toBeLessThan(10_000);
  expect(bytes).toBeLessThan(8_000_000);
});
