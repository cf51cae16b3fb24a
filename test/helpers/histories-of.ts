import type { Client } from '@temporalio/client';

export interface HistoryLength {
  readonly runId: string;
  readonly events: number;
  readonly bytes: number;
  readonly isClosed: boolean;
}

/** How long the history of each run of a workflow is, as the server counts. */
export async function historiesOf(client: Client, workflowId: string): Promise<readonly HistoryLength[]> {
  const lengths: HistoryLength[] = [];
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    const { raw, status } = await client.workflow.getHandle(workflowId, runId).describe();
    lengths.push({
      runId,
      events: Number(raw.workflowExecutionInfo?.historyLength ?? 0),
      bytes: Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0),
      isClosed: status.name !== 'RUNNING',
    });
  }
  return lengths;
}
