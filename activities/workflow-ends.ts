import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { PushInput } from '../model/pure/payloads.ts';
import type { SettledReason } from '../steps/settle-push.ts';

/** Values of the API's HistoryEventFilterType. */
const ALL_EVENTS = 1;
const CLOSE_EVENT = 2;

/** How a workflow ended that says nothing by itself any more. */
export interface WorkflowEnd {
  /** `lost`: Temporal does not know it any more. */
  readonly how: 'terminated' | 'timed-out' | 'failed' | 'canceled' | 'completed' | 'lost';
  /** The run that ended; undefined when it is lost. */
  readonly runId?: string;
  /** For people. */
  readonly detail: string;
}

/** How the newest run of a workflow ended; undefined while one runs. */
export async function findEnd(client: Client, workflowId: string): Promise<WorkflowEnd | undefined> {
  try {
    const { status, runId } = await client.workflow.getHandle(workflowId).describe();
    switch (status.name) {
      case 'TERMINATED':
        return { how: 'terminated', runId, detail: await terminationOf(client, workflowId, runId) };
      case 'TIMED_OUT':
        return { how: 'timed-out', runId, detail: 'Its workflow timed out in Temporal' };
      case 'FAILED':
        return { how: 'failed', runId, detail: 'Its workflow failed; Temporal has what is known' };
      case 'CANCELLED':
        return { how: 'canceled', runId, detail: 'Its workflow was cancelled in Temporal' };
      case 'COMPLETED':
        return {
          how: 'completed',
          runId,
          detail: 'Its workflow ended in Temporal, and its end was not recorded',
        };
      default:
        // One that continues as new has a next run at once.
        return undefined;
    }
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return { how: 'lost', detail: 'Temporal does not know its workflow any more' };
  }
}

/** What somebody's ending of a workflow means for what it stood for. */
export function reasonOf({ how, detail }: WorkflowEnd): SettledReason {
  const isWished = how === 'terminated' || how === 'canceled';
  return { reason: isWished ? 'canceled' : 'internal-error', detail };
}

/** Ids of workflows that a query finds. */
export async function listIds(client: Client, query: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const { workflowId } of client.workflow.list({ query })) ids.add(workflowId);
  return ids;
}

/** What a push was started with. */
export async function findPushInput(
  client: Client,
  workflowId: string,
  runId: string,
): Promise<PushInput | undefined> {
  const first = await findEvent(client, { workflowId, runId }, 'first');
  const [input] = first?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  return input ? defaultPayloadConverter.fromPayload<PushInput>(input) : undefined;
}

async function terminationOf(client: Client, workflowId: string, runId: string): Promise<string> {
  const closing = await findEvent(client, { workflowId, runId }, 'last');
  const { identity, reason } = closing?.workflowExecutionTerminatedEventAttributes ?? {};
  const by = identity ? ` by ${identity}` : '';
  return `Its workflow was terminated in Temporal${by}${reason ? `: ${reason}` : ''}`;
}

type HistoryResponse = Awaited<ReturnType<Client['workflowService']['getWorkflowExecutionHistory']>>;
type HistoryEvent = NonNullable<NonNullable<HistoryResponse['history']>['events']>[number];

/** The event that a run began with, or the one that closed it. */
async function findEvent(
  client: Client,
  execution: { readonly workflowId: string; readonly runId: string },
  which: 'first' | 'last',
): Promise<HistoryEvent | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution,
    maximumPageSize: 1,
    historyEventFilterType: which === 'last' ? CLOSE_EVENT : ALL_EVENTS,
  });
  return history?.events?.[0];
}
