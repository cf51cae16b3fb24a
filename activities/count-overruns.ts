import type { Context, Info } from '@temporalio/activity';
import { decodeTimeoutType } from '@temporalio/common';
import { findPending } from './find-pending.ts';

/** Attempts of an activity that have used all the time that each has. */
export interface Overruns {
  readonly times: number;
  /** Whether the one before this is among them. */
  readonly wasLast: boolean;
}

/**
 * Counts them: of the last one the server knows how it ended, and of those before it that one's beats told. The server is asked only
 * when so much time has gone by that one can have used all of its own; that it does not answer then ends nothing.
 */
export async function countOverruns(activity: Pick<Context, 'info' | 'client'>): Promise<Overruns> {
  const before = overrunsIn(activity.info.heartbeatDetails);
  const wasLast = mayHaveOverrun(activity.info) && (await lastOverran(activity).catch(() => false));
  return { times: before + (wasLast ? 1 : 0), wasLast };
}

function mayHaveOverrun(info: Info): boolean {
  const goneByMs = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
  return info.attempt > 1 && goneByMs >= info.startToCloseTimeoutMs;
}

async function lastOverran(activity: Pick<Context, 'info' | 'client'>): Promise<boolean> {
  const pending = await findPending(activity);
  return decodeTimeoutType(pending?.lastFailure?.timeoutFailureInfo?.timeoutType) === 'START_TO_CLOSE';
}

function overrunsIn(details: unknown): number {
  if (typeof details !== 'object' || details === null || !('overruns' in details)) return 0;
  return typeof details.overruns === 'number' ? details.overruns : 0;
}
