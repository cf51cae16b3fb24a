import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';

type Workflows = Pick<Client, 'workflow'>;

/** Whether the workflow of a push, task or image runs: its record may still tell of a run before. */
export async function isRunning({ workflow }: Workflows, id: string): Promise<boolean> {
  try {
    return (await workflow.getHandle(id).describe()).status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Asks a workflow to cancel; false when it does not run. Temporal itself takes that also for what has ended. */
export async function cancelRunning(client: Workflows, id: string): Promise<boolean> {
  if (!(await isRunning(client, id))) return false;
  try {
    await client.workflow.getHandle(id).cancel();
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Asks a push to end some of its tasks as canceled, whether or not they have begun; false when it does not run. */
export async function cancelTasks(
  { workflow }: Workflows,
  pushId: string,
  labels: readonly string[],
): Promise<boolean> {
  try {
    await workflow.getHandle(pushId).signal('cancelTasks', { labels });
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
