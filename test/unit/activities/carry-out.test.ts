import { once } from 'node:events';
import { expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { carryOut } from '../../../activities/carry-out.ts';
import type { StepContext } from '../../../steps/step-context.ts';

/** What an attempt is given of the last beat of the one before, and its own last beat. */
async function attempt(
  heartbeatDetails: unknown,
  step: (context: StepContext) => void,
): Promise<{ readonly given: Partial<StepContext>; readonly beat: unknown }> {
  const environment = new MockActivityEnvironment({
    heartbeatDetails,
    currentAttemptScheduledTimestampMs: Date.now(),
  });
  let given: Partial<StepContext> = {};
  let beat: unknown;
  await environment.run(() =>
    carryOut(async (context) => {
      given = context;
      step(context);
      [beat] = (await once(environment, 'heartbeat')) as unknown[];
    }),
  );
  return { given, beat };
}

it('an attempt is given how far the one before had come, whatever that told afterwards', async () => {
  const first = await attempt(undefined, ({ course, onProgress }) => {
    onProgress({ message: 'tasks' });
    course?.onPast('level-1/tasks/task/demo/');
    onProgress({ message: 'blobs' });
  });
  expect(first.given.course?.after).toBeUndefined();
  expect(first.beat).toEqual({ message: 'blobs', past: 'level-1/tasks/task/demo/' });

  const second = await attempt(first.beat, ({ onProgress }) => onProgress({ message: 'from anew' }));
  expect(second.given).toMatchObject({
    toldBefore: 'blobs',
    course: { after: 'level-1/tasks/task/demo/' },
  });
  expect(second.beat).toEqual({ message: 'from anew', past: 'level-1/tasks/task/demo/' });
});

it('an attempt that tells nothing hands on what the one before has told', async () => {
  const details = { message: 'The command has started' };

  expect(await attempt(details, () => undefined)).toMatchObject({
    given: { toldBefore: details.message },
    beat: details,
  });
});
