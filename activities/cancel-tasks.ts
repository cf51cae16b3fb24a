import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { StepContext } from '../steps/step-context.ts';
import { runningTasks } from './find-silent.ts';

/** Tasks that are asked to cancel end within this time, or are asked and looked at once more. */
const PATIENCE_MS = 15_000;
const POLL_MS = 500;

/** Asks all tasks of a push that run to cancel. Whether none runs any more; each leaves its own record. Safe to repeat. */
export async function cancelTasks(client: Client, pushId: string, signal: AbortSignal): Promise<boolean> {
  for (const id of await runningTasks(client, pushId))
    await client.workflow.getHandle(id).cancel().catch(ignoreGone);
  for (let waited = 0; ; waited += POLL_MS) {
    if ((await runningTasks(client, pushId)).size === 0) return true;
    if (waited >= PATIENCE_MS) return false;
    await delay(POLL_MS, undefined, { signal });
  }
}

/**
 * Cancels what a round of a push has left running, and waits for its end: the next one starts tasks of the same ids. Safe to repeat
 * before that has begun any.
 */
export async function endRoundBefore(
  { client }: { readonly client: Client },
  pushId: string,
  { signal, onProgress }: Pick<StepContext, 'signal' | 'onProgress'>,
): Promise<void> {
  while (!(await cancelTasks(client, pushId, signal)))
    onProgress({ message: 'waiting for tasks of the round before to end' });
}

export function ignoreGone(error: unknown): undefined {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
  return undefined;
}
