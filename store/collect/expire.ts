import { forEachConcurrently } from '../../model/concurrently.ts';
import type { Level } from '../../model/pure/ids.ts';
import type { ObjectStore } from '../object-store.ts';
import { sweepUploads } from '../sweep-uploads.ts';
import { levelPrefix } from '../keys.ts';
import { expireIndex, expireLayers } from './expire-index.ts';
import { expirePushes } from './expire-pushes.ts';
import type { Course } from './expire-tasks.ts';
import { expireTasks } from './expire-tasks.ts';
import type { Tally } from './tally.ts';

export interface ExpireOptions {
  readonly level: Level;
  readonly nowMs: number;
  readonly lifeMs: number;
  /** What was written after this moment is left alone, whatever it is. */
  readonly oldBefore: Date;
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/**
 * Removes what of one level has outlived its life. Needs that level's keys only. Several at once do no harm, nor does one that
 * is killed: whatever is removed is removed only as it was seen, and a record after everything that it names.
 */
export async function expire(
  objects: ObjectStore,
  { course, ...options }: ExpireOptions & { readonly course?: Course | undefined },
): Promise<void> {
  const routed = await expireIndex(objects, options);
  await expireLayers(objects, options);
  await expireTasks(objects, { ...options, routed, course });
  await expirePushes(objects, options);
  await expireHolders(objects, options);
  await expireUploads(objects, options);
}

/** What is known there is an hour old at most. */
async function expireHolders(
  objects: ObjectStore,
  { level, oldBefore, tally, signal }: ExpireOptions,
): Promise<void> {
  await forEachConcurrently(objects.list(levelPrefix(level, 'holders'), { signal }), async (info) => {
    if (info.lastModified >= oldBefore) return tally.keep('holders', info.sizeBytes);
    await objects.deleteIf(info.key, info.etag, signal);
    tally.free('holders', info.sizeBytes, 'of no use any more');
  });
}

async function expireUploads(
  objects: ObjectStore,
  { oldBefore, tally, signal }: ExpireOptions,
): Promise<void> {
  const swept = await sweepUploads(objects, { olderThan: oldBefore, signal });
  for (let i = 0; i < swept.objects + swept.multipartUploads; i += 1)
    tally.free('uploads', 0, 'an upload that never ended');
}
