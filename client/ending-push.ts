import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { PushEnding } from '../model/errors.ts';
import { levelOf } from '../model/pure/ids.ts';
import type { OpenWork } from '../model/pure/settle-payloads.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import type { EndingWait } from './api.ts';
import type { AskTemporal } from './reach-temporal.ts';

/** A push that has its verdict, and whose workflow is just ending, takes neither a signal nor a start. */
const END_TRIES = 30;
const BETWEEN_TRIES_MS = 500;

/** A worker answers sooner, or is away: then nothing is known, and nobody is held up for that. */
const ANSWER_PATIENCE_MS = 5_000;

/** Longer than a push waits for tasks of its own that do not answer. */
const ENDING_PATIENCE_MS = 6 * 60_000;

interface Asked {
  readonly askTemporal: AskTemporal;
}

/** A push whose workflow takes back what it has begun, and does no more what it is asked for. */
export interface EndingPush {
  readonly pushId: string;
  readonly workflowRunId: string;
  /** The newer push that has taken its place, when it ends for that alone. */
  readonly supersededBy?: string | undefined;
}

/**
 * A push that runs and is about to end before its time: it was cancelled, a newer one has taken its place, or it has failed. Undefined
 * of every other, and of one of which nobody says it: no worker answers, or it runs an older version.
 */
export async function findEnding({ askTemporal }: Asked, pushId: string): Promise<EndingPush | undefined> {
  return askTemporal(levelOf(pushId), async (client) => {
    const workflowRunId = await findOpenRun(client, pushId);
    if (workflowRunId === undefined) return undefined;
    const work = await askOpenWork(client, pushId, workflowRunId);
    return work?.isEnding ? { pushId, workflowRunId, supersededBy: work.supersededBy } : undefined;
  });
}

/** Waits until a push that ends has ended; its verdict stands then. @throws {PushEnding} when that takes too long. */
export async function untilEnded(
  { askTemporal }: Asked,
  { pushId, workflowRunId }: EndingPush,
  { onEnding, patienceMs = ENDING_PATIENCE_MS }: EndingWait = {},
): Promise<void> {
  onEnding?.();
  const waited = startStopwatch();
  const isOpen = (client: Client): Promise<boolean> =>
    findOpenRun(client, pushId).then((open) => open === workflowRunId);
  while (await askTemporal(levelOf(pushId), isOpen)) {
    if (waited() >= patienceMs) throw new PushEnding(pushId, waited());
    await delay(BETWEEN_TRIES_MS);
  }
}

/**
 * Tries for a quarter of a minute what a workflow does not take that is just ending.
 *
 * @param isWorthTrying whether the push has its verdict by now, so that its workflow is ending, or what is tried is another thing
 * from now on. Default: it is tried in any case.
 */
export async function pastItsEnd<T>(
  attempt: () => Promise<T>,
  isWorthTrying: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const isEnding =
        error instanceof WorkflowNotFoundError || error instanceof WorkflowExecutionAlreadyStartedError;
      if (!isEnding || !(await isWorthTrying()) || tries >= END_TRIES) throw error;
    }
    await delay(BETWEEN_TRIES_MS);
  }
}

async function findOpenRun({ workflow }: Client, pushId: string): Promise<string | undefined> {
  try {
    const { status, runId } = await workflow.getHandle(pushId).describe();
    return status.name === 'RUNNING' ? runId : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Whatever keeps a worker from answering, what is asked for is done as if it had not been asked. */
function askOpenWork(client: Client, pushId: string, runId: string): Promise<OpenWork | undefined> {
  return client
    .withDeadline(Date.now() + ANSWER_PATIENCE_MS, () =>
      client.workflow.getHandle(pushId, runId).query<OpenWork>('openWork'),
    )
    .catch(() => undefined);
}
