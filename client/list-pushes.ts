import { mapConcurrently } from '../model/concurrently.ts';
import { isSlipwayError } from '../model/errors.ts';
import { LEVELS } from '../model/pure/ids.ts';
import type { PushDocument } from '../model/schema/records.ts';
import { readPush } from '../steps/read-push.ts';
import type { Store } from '../store/store.ts';

/** Pushes as they stand now, newest first. */
export async function listPushes(
  store: Store,
  { limit, project }: { readonly limit: number; readonly project?: string },
): Promise<readonly PushDocument[]> {
  const listed = await store.pushes.list({ levels: LEVELS, limit, ...(project ? { project } : {}) });
  const ids = new Set(listed.map(({ pushId }) => pushId));
  const documents = await mapConcurrently(ids, (pushId) => readPush(store, pushId).catch(unlessGone));
  return documents.filter((document) => document !== undefined);
}

/** It may have been collected since it was listed. */
function unlessGone(error: unknown): undefined {
  if (!isSlipwayError(error) || error.type !== 'NotFound') throw error;
}
