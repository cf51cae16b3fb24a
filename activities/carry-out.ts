import { activityInfo, CancelledFailure, Context, log } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { StepContext } from '../steps/step-context.ts';
import { toFailure } from './to-failure.ts';

/** One beat in this time: cancels arrive with the answers. The worker throttles to the same. */
export const HEARTBEAT_INTERVAL_MS = 500;

/**
 * Carries a step out as an activity: beats all the while, hands cancellation on, maps errors. A cancel that was
 * wished for ends as cancelled; the end of the worker ends as `WorkerShutdown`, which is retried.
 */
export async function carryOut<T>(step: (context: StepContext) => Promise<T>): Promise<T> {
  const activity = Context.current();
  let progress: unknown = undefined;
  const beat = setInterval(() => activity.heartbeat(progress), HEARTBEAT_INTERVAL_MS);
  const context: StepContext = {
    signal: activity.cancellationSignal,
    isCanceled: () => activity.cancellationDetails?.cancelRequested ?? false,
    onProgress: (told) => {
      progress = told;
    },
  };
  try {
    return await step(context);
  } catch (error) {
    if (!activity.cancellationSignal.aborted) throw failureOf(error);
    if (context.isCanceled()) throw new CancelledFailure('cancelled');
    // Not wished for: the worker ends, or the server gave this attempt up. Another attempt adopts what is there.
    throw ApplicationFailure.retryable('The worker was shut down', 'WorkerShutdown');
  } finally {
    clearInterval(beat);
  }
}

function failureOf(error: unknown): unknown {
  const failure = toFailure(error);
  if (failure === error && !(error instanceof ApplicationFailure)) {
    log.error('An activity met an error that it does not know', {
      error,
      activity: activityInfo().activityType,
    });
  }
  return failure;
}
