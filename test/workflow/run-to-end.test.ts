import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { pushId as pushIdOf, taskIdIn } from '../../model/pure/ids.ts';
import { runToEnd } from '../../workers/run-to-end.ts';
import { aPush, aTask, createEnvironment, testBundle, until } from '../helpers/workflow-world.ts';

jest.setTimeout(120_000);

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await createEnvironment();
});
afterAll(() => env.teardown());

it('a worker whose activity does not end when it shall ends without it, and says so', async () => {
  const warned: string[] = [];
  const logger = pino({}, { write: (line: string) => void warned.push(line) });
  let isClaiming = false;
  let letGo = (): void => undefined;
  const claimRun = (): Promise<void> => {
    isClaiming = true;
    return new Promise((resolve) => (letGo = resolve));
  };
  const { nativeConnection: connection } = env;
  const workflows = await Worker.create({
    connection,
    taskQueue: 'control-1',
    workflowBundle: await testBundle(),
  });
  const deaf = await Worker.create({
    connection,
    taskQueue: 'runner-1',
    activities: { claimRun },
    shutdownForceTime: 1_000,
  });
  const running = workflows.run();
  const ending = runToEnd(deaf, logger);
  const push = aPush();
  const taskId = taskIdIn(pushIdOf(push), 't');
  const input = { ...aTask('t'), taskId, pushId: pushIdOf(push), plannedAt: push.received, level: 1 };
  const options = { workflowId: taskId, taskQueue: 'control-1', args: [input] };
  const task = await env.client.workflow.start('task', options);
  await until(() => isClaiming);

  deaf.shutdown();
  await ending;

  expect(deaf.getState()).toBe('FAILED');
  expect(warned.join('')).toContain('runner-1');
  letGo();
  await task.terminate();
  workflows.shutdown();
  await running;
});
