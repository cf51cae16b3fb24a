import type { Digest } from '../../model/pure/ids.ts';
import type { Collection } from '../collection.ts';
import { mapConcurrently } from '../../model/concurrently.ts';
import { BLOBS_PREFIX, LEASES_PREFIX, blobKey, leaseKey } from '../keys.ts';
import type { ObjectInfo, ObjectStore } from '../object-store.ts';
import type { Tally } from './tally.ts';

/** Taken away at once: whoever wants one of them meanwhile waits for the end of it. */
const BATCH = 250;
/** A deletion that takes longer is given up; what became of it is seen by whoever collects next. */
const DELETE_PATIENCE_MS = 10_000;

export interface SweepOptions {
  readonly isReachable: (digest: Digest) => boolean;
  /** What was written or claimed after this moment stays. */
  readonly oldBefore: Date;
  readonly tally: Tally;
  /** Undefined: nothing is taken away, only counted. */
  readonly collection: Collection | undefined;
  readonly signal: AbortSignal;
}

/** Takes blobs away that nothing reaches, that are old, and that nobody has claimed. */
export async function sweepBlobs(objects: ObjectStore, options: SweepOptions): Promise<void> {
  const { isReachable, oldBefore, tally, collection, signal } = options;
  let batch: ObjectInfo[] = [];
  for await (const info of objects.list(BLOBS_PREFIX, { signal })) {
    await collection?.goOn();
    if (isReachable(digestOf(info.key))) tally.keep('blobs', info.sizeBytes);
    else if (info.lastModified >= oldBefore) tally.keep('blobs', info.sizeBytes, 'written lately');
    else batch.push(info);
    if (batch.length < BATCH) continue;
    await takeAway(objects, batch, options);
    batch = [];
  }
  await takeAway(objects, batch, options);
  await sweepLeases(objects, options);
}

async function takeAway(
  objects: ObjectStore,
  batch: readonly ObjectInfo[],
  { oldBefore, tally, collection, signal }: SweepOptions,
): Promise<void> {
  if (batch.length === 0) return;
  await collection?.condemn(batch.map(({ key }) => digestOf(key)));
  // Only now: a claim that is not seen here sees that the blob is condemned.
  const looked = await mapConcurrently(batch, async ({ key }) => {
    const lease = await objects.head(leaseKey(digestOf(key)), signal);
    const present = await objects.head(key, signal);
    if (!present) return undefined;
    if (lease && lease.lastModified >= oldBefore) tally.keep('blobs', present.sizeBytes, 'claimed lately');
    else if (present.lastModified >= oldBefore) tally.keep('blobs', present.sizeBytes, 'written lately');
    else return present;
    return undefined;
  });
  const doomed = looked.filter((info) => info !== undefined);
  if (collection) {
    collection.expectMine();
    const patience = AbortSignal.any([signal, AbortSignal.timeout(DELETE_PATIENCE_MS)]);
    await objects.delete(
      doomed.map(({ key }) => key),
      patience,
    );
  }
  for (const { sizeBytes } of doomed) tally.free('blobs', sizeBytes, 'nothing reaches it');
}

async function sweepLeases(
  objects: ObjectStore,
  { oldBefore, tally, collection, signal }: SweepOptions,
): Promise<void> {
  for await (const { key, etag, sizeBytes, lastModified } of objects.list(LEASES_PREFIX, { signal })) {
    await collection?.goOn();
    if (lastModified >= oldBefore) tally.keep('leases', sizeBytes);
    else if (!collection || (await objects.deleteIf(key, etag, signal)))
      tally.free('leases', sizeBytes, 'its time is over');
  }
}

function digestOf(key: string): Digest {
  const digest: Digest = `sha256:${key.slice(BLOBS_PREFIX.length)}`;
  return blobKey(digest) === key ? digest : `sha256:${key}`;
}
