import { randomUUID } from 'node:crypto';
import type { Digest } from '../model/pure/ids.ts';
import type { DeadCollections } from './collection.ts';
import { outwaitCollection } from './collection.ts';
import { blobKey, leaseKey } from './keys.ts';
import type { ObjectInfo, ObjectStore } from './object-store.ts';

/**
 * What nothing reaches stays this long after it was written or claimed: no build takes so long from its first blob to the
 * entry that names it.
 */
export const GRACE_MS = 24 * 60 * 60_000;

/** Leases that one process remembers, so that it need not take them again. */
const REMEMBERED = 20_000;

export interface Lifetimes {
  /** Default {@link GRACE_MS}. Whoever writes and whoever collects must have the same. */
  readonly graceMs?: number;
  readonly now?: () => Date;
  /** After this time without a sign a collection is nobody's any more; default: that of `collection.ts`. */
  readonly silentMs?: number;
}

export interface BlobClaims {
  /** A blob as it is, if it is there; it stays for half of the grace time at least. */
  claim(digest: Digest, signal?: AbortSignal): Promise<ObjectInfo | undefined>;
  /** After a blob was written: whether it is there indeed, and not taken away by a collection that had condemned what was there before. */
  stays(digest: Digest, signal?: AbortSignal): Promise<boolean>;
}

/**
 * Claims on blobs. A young blob needs nothing; for an old one a lease is written, and only then is it looked whether a
 * collection is about to take it away. The collector says first what it takes away and looks for leases afterwards, so that
 * one of the two always sees the other.
 */
export function createBlobClaims(
  objects: ObjectStore,
  { graceMs = GRACE_MS, now = () => new Date(), silentMs }: Lifetimes = {},
): BlobClaims {
  const dead: DeadCollections = new Set();
  const leased = new Map<Digest, number>();
  const isRecent = (timeMs: number | undefined): boolean =>
    timeMs !== undefined && now().getTime() - timeMs < graceMs / 2;

  return {
    async claim(digest, signal) {
      const found = await objects.head(blobKey(digest), signal);
      if (!found || isRecent(found.lastModified.getTime()) || isRecent(leased.get(digest))) return found;
      const leasedMs = now().getTime();
      // Each with bytes of its own: else one that is renewed could not be told from an old one.
      await objects.put(leaseKey(digest), Buffer.from(randomUUID()), signal ? { signal } : {});
      await outwaitCollection(objects, digest, { dead, signal, silentMs });
      if (leased.size >= REMEMBERED) leased.clear();
      leased.set(digest, leasedMs);
      // Only now: it may have been taken away before the lease.
      return objects.head(blobKey(digest), signal);
    },

    async stays(digest, signal) {
      if (!(await outwaitCollection(objects, digest, { dead, signal, silentMs }))) return true;
      return (await objects.head(blobKey(digest), signal)) !== undefined;
    },
  };
}
