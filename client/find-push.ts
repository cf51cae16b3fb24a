import { WorkflowNotFoundError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { findEnd, findPushInput } from '../activities/workflow-ends.ts';
import { NotFound } from '../model/errors.ts';
import { levelOf } from '../model/pure/ids.ts';
import type { PushDocument } from '../model/schema/records.ts';
import { composeDocument } from '../steps/push-document.ts';
import { readPush } from '../steps/read-push.ts';
import { recordOfPush } from '../steps/receive-push.ts';
import type { Store } from '../store/store.ts';
import type { AskTemporal } from './reach-temporal.ts';

export interface FindPushDeps {
  readonly store: Store;
  readonly askTemporal: AskTemporal;
}

/**
 * The document of a push as it stands now. Until a control worker has begun with it there is no record of it: then it is what Temporal
 * was told at its start, so that a push which waits for a worker is not taken for one that never was.
 *
 * @param of as in {@link readPush}.
 * @throws {NotFound} {TemporalUnavailable} the latter only where there is no record.
 */
export async function readStartedPush(
  deps: FindPushDeps,
  pushId: string,
  of?: readonly string[],
): Promise<PushDocument> {
  const document = await findStartedPush(deps, pushId, of);
  if (!document) throw new NotFound(`No push ${pushId}`);
  return document;
}

/** The same, or undefined when neither store nor Temporal know it. */
export async function findStartedPush(
  { store, askTemporal }: FindPushDeps,
  pushId: string,
  of?: readonly string[],
): Promise<PushDocument | undefined> {
  if (await store.pushes.find(pushId)) return readPush(store, pushId, of);
  const push = await askTemporal(levelOf(pushId), (client) => findRunning(client, pushId));
  if (!push) return undefined;
  // The domain is the control worker's to say; the document does not tell it.
  const record = recordOfPush({ push, pushId }, push.project);
  return composeDocument({ record, findings: [], outcomes: [], taskRecords: new Map() });
}

/**
 * Whether the workflow of a push has ended by itself, or is not known any more. All that it had to record was recorded before: who does
 * not find that afterwards never will.
 */
export async function hasComeToItsEnd(
  { askTemporal }: Pick<FindPushDeps, 'askTemporal'>,
  pushId: string,
): Promise<boolean> {
  const end = await askTemporal(levelOf(pushId), (client) => findEnd(client, pushId));
  return end?.how === 'completed' || end?.how === 'lost';
}

async function findRunning(client: Client, pushId: string): ReturnType<typeof findPushInput> {
  try {
    const { status, runId } = await client.workflow.getHandle(pushId).describe();
    return status.name === 'RUNNING' ? await findPushInput(client, pushId, runId) : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
