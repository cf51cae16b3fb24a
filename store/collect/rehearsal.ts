import { createMemoryObjectStore } from '../memory-object-store.ts';
import type { ObjectStore } from '../object-store.ts';
import { createOverlay } from '../overlay-object-store.ts';

/**
 * What a collection would have taken away and written. It reads its own deletions, also those of another level: so it goes on
 * from there as a collection would.
 */
export class Rehearsal {
  readonly #gone = new Set<string>();

  /** An object store in which everything can be done, and nothing is. */
  over(objects: ObjectStore, now: () => Date): ObjectStore {
    const upper = createMemoryObjectStore(objects.bucket, now);
    const seen = createOverlay(upper, hide(objects, this.#gone));
    const remove = async (keys: readonly string[]): Promise<void> => {
      await upper.delete(keys);
      for (const key of keys) this.#gone.add(key);
    };
    return {
      ...seen,
      delete: remove,
      async deleteIf(key, etag, signal) {
        if ((await seen.head(key, signal))?.etag !== etag) return false;
        await remove([key]);
        return true;
      },
      abortUploads: (begunBefore, signal) => objects.abortUploads(begunBefore, signal, { onlyCount: true }),
    };
  }
}

function hide(objects: ObjectStore, gone: ReadonlySet<string>): ObjectStore {
  const unlessGone = <T>(key: string, look: () => Promise<T>): Promise<T | undefined> =>
    gone.has(key) ? Promise.resolve(undefined) : look();
  return {
    bucket: objects.bucket,
    head: (key, signal) => unlessGone(key, () => objects.head(key, signal)),
    get: (key, signal) => unlessGone(key, () => objects.get(key, signal)),
    stream: (key, options) => unlessGone(key, () => objects.stream(key, options)),
    async *list(prefix, options) {
      for await (const info of objects.list(prefix, options)) if (!gone.has(info.key)) yield info;
    },
    ...REFUSING,
  };
}

/** An overlay only reads what lies below. */
const refuse = (): Promise<never> => Promise.reject(new TypeError('A rehearsal writes nothing'));
const REFUSING = {
  put: refuse,
  putStream: refuse,
  copy: refuse,
  delete: refuse,
  deleteIf: refuse,
  abortUploads: refuse,
};
