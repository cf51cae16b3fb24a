import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { pushId as pushIdOf, taskIdIn } from '../../model/pure/ids.ts';
import type { PushInput } from '../../model/pure/payloads.ts';
import { createStore } from '../../store/create-store.ts';
import { createMemoryObjectStore } from '../../store/memory-object-store.ts';
import { createControlWorker } from '../../workers/control.ts';
import type { Parts } from '../../workers/parts.ts';
import { runToEnd } from '../../workers/run-to-end.ts';
import { scratchDirectory } from '../helpers/git-repository.ts';
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

it('a control worker ends though it records something that takes long and hears of no end', async () => {
  using scratch = scratchDirectory();
  const objects = createMemoryObjectStore();
  let isRecording = false;
  let letGo = (): void => undefined;
  const store = createStore({
    ...objects,
    put: (key, body, options) => {
      if (!key.includes('/open-pushes/')) return objects.put(key, body, options);
      isRecording = true;
      return new Promise((_resolve, reject) => (letGo = () => reject(new Error('cut short'))));
    },
  });
  const logger = pino({ level: 'silent' });
  const connections = {
    stateDirectory: scratch.path,
    serverConfig: `${scratch.path}/none`,
    temporal: { namespace: 'default' },
  };
  const parts = { connections, level: 1, store, worker: 'w', logger } as unknown as Parts;
  const control = await createControlWorker(parts, env.nativeConnection, env.client);
  const ending = runToEnd(control, logger).then(() => 'it has ended');
  const push: PushInput = aPush();
  const options = { workflowId: pushIdOf(push), taskQueue: 'control-1', args: [push] };
  const started = await env.client.workflow.start('push', options);
  await until(() => isRecording);

  control.shutdown();
  const outcome = await Promise.race([ending, delay(45_000, 'it goes on', { ref: false })]);
  letGo();
  await started.terminate();
  await ending;

  expect(outcome).toBe('it has ended');
});
