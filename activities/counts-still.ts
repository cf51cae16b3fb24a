import type { Context } from '@temporalio/activity';
import { HEARTBEAT_TIMEOUT_MS } from '../model/pure/heartbeats.ts';
import { findPending } from './find-pending.ts';

/**
 * Whether the server still counts an attempt that is about to begin. One that was handed to a process that stood still begins
 * after another has got the same work, and would learn it only by the answer to its first beat, when it has done harm already.
 * The server is asked only when the attempt was scheduled so long ago that it can have been given up.
 */
export async function countsStill(activity: Pick<Context, 'info' | 'client'>): Promise<boolean> {
  const { info } = activity;
  if (Date.now() - info.currentAttemptScheduledTimestampMs < HEARTBEAT_TIMEOUT_MS) return true;
  if (info.workflowExecution === undefined) return true;
  return (await findPending(activity))?.attempt === info.attempt;
}
