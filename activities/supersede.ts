import { log } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { levelOf, parseId } from '../model/pure/ids.ts';
import type { SupersedeInput } from '../model/pure/supersede.ts';
import { isResolved } from '../model/pure/states.ts';
import type { PushRecord } from '../model/schema/records.ts';
import { unlessUnreadable } from '../store/json-object.ts';
import type { Store } from '../store/store.ts';

/**
 * Tells every running push that a newer one takes the place of: of the same project, level and ref, of another revision, received
 * before. One that arrived at further refs is left alone. Safe to repeat: whoever has ended hears nothing.
 */
export async function supersede(
  { client, store }: { readonly client: Client; readonly store: Store },
  { pushId, push }: SupersedeInput,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const told: string[] = [];
  // When it first arrived: a new round of an old push is not newer than what has been pushed since.
  const { received } = (await store.pushes.find(pushId)) ?? push;
  for await (const other of store.pushes.open(levelOf(pushId))) {
    signal.throwIfAborted();
    if (!isOfProject(other, push)) continue;
    const [record, status] = await Promise.all([
      unlessUnreadable(store.pushes.find(other)),
      store.pushes.findUsableStatus(other),
    ]);
    if (!record || !isOlder(record, { ...push, received }) || (status && isResolved(status.state))) continue;
    try {
      await client.workflow.getHandle(other).signal('superseded', { by: pushId });
      told.push(other);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
  if (told.length > 0) log.info('A newer push takes the place of others', { pushId, told });
  return told;
}

function isOfProject(id: string, push: SupersedeInput['push']): boolean {
  const parsed = parseId(id);
  return parsed?.kind === 'push' && parsed.project === push.project && parsed.revision !== push.revision;
}

function isOlder({ refs, repository, received }: PushRecord, push: SupersedeInput['push']): boolean {
  const isOfRef = refs.length === 1 && refs[0] === push.ref && repository === push.repository;
  return isOfRef && Date.parse(received) < Date.parse(push.received);
}
