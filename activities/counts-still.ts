import type { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';
import { HEARTBEAT_TIMEOUT_MS } from '../model/pure/heartbeats.ts';

/**
 * Whether the server still counts an attempt that is about to begin. One that was handed to a process that stood still begins
 * after another has got the same work, and would learn it only by the answer to its first beat, when it has done harm already.
 * The server is asked only when the attempt was scheduled so long ago that it can have been given up.
 */
export async function countsStill(activity: Pick<Context, 'info' | 'client'>): Promise<boolean> {
  const { info } = activity;
  if (Date.now() - info.currentAttemptScheduledTimestampMs < HEARTBEAT_TIMEOUT_MS) return true;
  const { workflowId, runId } = info.workflowExecution ?? {};
  if (workflowId === undefined) return true;
  try {
    const { raw } = await activity.client.workflow.getHandle(workflowId, runId).describe();
    const pending = raw.pendingActivities?.find(({ activityId }) => activityId === info.activityId);
    return pending?.attempt === info.attempt;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
