import type { Digest, Level } from '../../model/pure/ids.ts';
import type { Lifetimes } from '../blob-claims.ts';
import { GRACE_MS } from '../blob-claims.ts';
import { Collection } from '../collection.ts';
import type { ObjectStore } from '../object-store.ts';
import { expire } from './expire.ts';
import type { Course } from './expire-tasks.ts';
import { findRoots } from './find-roots.ts';
import type { Rehearsal } from './rehearsal.ts';
import { sweepBlobs } from './sweep-blobs.ts';
import type { Tally } from './tally.ts';

export interface CollectOptions {
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/** What takes away of the store what nobody uses any more. May run beside everything else, and be killed at any point. */
export interface Collector {
  /** Removes what of one level has outlived its life. */
  expire(
    options: CollectOptions & {
      readonly level: Level;
      readonly lifeMs: number;
      /** Of an activity, which is begun again where it is cut off. */
      readonly course?: Course | undefined;
    },
  ): Promise<void>;
  /**
   * Takes away the blobs that nothing reaches. `follow` is given each manifest that a record names and adds what it reaches;
   * what it throws ends the collection before anything is taken away. False: another collection is going on.
   */
  collectBlobs(
    options: CollectOptions & {
      readonly lifeMs: (level: Level) => number;
      readonly follow: (manifest: Digest) => Promise<void>;
      readonly isReachable: (digest: Digest) => boolean;
    },
  ): Promise<boolean>;
  /** The same, but nothing is taken away or written: what would have been is remembered there, and counts as gone for whoever rehearses with it. */
  rehearse(rehearsal: Rehearsal): Collector;
}

export function createCollector(
  objects: ObjectStore,
  lifetimes: Lifetimes = {},
  isRehearsal = false,
): Collector {
  const { graceMs = GRACE_MS, now = () => new Date(), silentMs } = lifetimes;
  return {
    rehearse: (rehearsal) => createCollector(rehearsal.over(objects, now), lifetimes, true),

    async expire(options) {
      const nowMs = now().getTime();
      await expire(objects, { ...options, nowMs, oldBefore: new Date(nowMs - graceMs) });
    },

    async collectBlobs(options) {
      const { signal, tally, follow } = options;
      const collection = isRehearsal
        ? undefined
        : await Collection.begin(objects, { signal, ...(silentMs === undefined ? {} : { silentMs }) });
      if (!isRehearsal && !collection) return false;
      // Before anything is looked at: what is written or claimed from now on is young.
      const nowMs = now().getTime();
      await findRoots(objects, {
        ...options,
        nowMs,
        graceMs,
        onRoot: follow,
        goOn: async () => collection?.goOn(),
      });
      const oldBefore = new Date(nowMs - graceMs);
      await sweepBlobs(objects, {
        isReachable: options.isReachable,
        oldBefore,
        tally,
        collection,
        signal,
      });
      // Not after an error: what it had asked for last may still be under way.
      await collection?.end();
      return true;
    },
  };
}
