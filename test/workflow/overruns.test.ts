import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { carryOut } from '../../activities/carry-out.ts';
import { untilGivenUp } from '../../activities/until-given-up.ts';
import { EngineUnavailable } from '../../model/errors.ts';
import type { StepContext } from '../../steps/step-context.ts';
import { createEnvironment } from '../helpers/workflow-world.ts';

jest.setTimeout(120_000);

export type Attempt = () => Promise<void>;

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await createEnvironment();
});
afterAll(() => env.teardown());

it('An attempt after one that used all of its time knows it, and how many have by now; after one that failed otherwise it does not', async () => {
  const seen: StepContext['overran'][] = [];
  const workUntilStopped = (context: StepContext): Promise<never> => {
    const { signal, onProgress } = untilGivenUp(context);
    onProgress({ message: 'at work' });
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  };
  const attempts: ((context: StepContext) => Promise<void>)[] = [
    workUntilStopped,
    () => Promise.reject(new EngineUnavailable('unix:///nowhere', 'it is away')),
    workUntilStopped,
    () => Promise.resolve(),
  ];
  const attempt: Attempt = () =>
    carryOut(async (context) => {
      seen.push(context.overran);
      await attempts[seen.length - 1]?.(context);
    });
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue: 'overruns',
    activities: { attempt },
    workflowBundle: await bundleWorkflowCode({
      logger: new DefaultLogger('ERROR'),
      workflowsPath: fileURLToPath(new URL('../fixtures/overruns/workflows.ts', import.meta.url)),
    }),
    maxHeartbeatThrottleInterval: 500,
    defaultHeartbeatThrottleInterval: 500,
  });

  await worker.runUntil(
    env.client.workflow.execute('patient', { workflowId: 'overruns', taskQueue: 'overruns' }),
  );

  const limitMs = 2_000;
  expect(seen).toEqual([undefined, { times: 1, limitMs }, undefined, { times: 2, limitMs }]);
});
