import type { Context } from '@temporalio/activity';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';

export type PendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** What the server knows of an activity; undefined when it has ended for it, or its workflow has. */
export async function findPending({
  info,
  client,
}: Pick<Context, 'info' | 'client'>): Promise<PendingActivity | undefined> {
  const { workflowId = '', runId } = info.workflowExecution ?? {};
  try {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    return raw.pendingActivities?.find(({ activityId }) => activityId === info.activityId);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
