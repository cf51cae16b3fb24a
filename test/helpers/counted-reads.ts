import type { ObjectStore } from '../../store/object-store.ts';

export interface CountedReads {
  /** The same objects. */
  readonly objects: ObjectStore;
  /** Of what was asked for by its key, in order. */
  readonly keys: readonly string[];
  /** How many such questions were under way at once at most. */
  mostAtOnce(): number;
}

/** Counts what is asked of objects one by one: each is a round trip, which a listing has for a thousand. */
export function countReads(objects: ObjectStore): CountedReads {
  const keys: string[] = [];
  let underWay = 0;
  let most = 0;
  const counted = async <T>(key: string, asking: () => Promise<T>): Promise<T> => {
    keys.push(key);
    most = Math.max(most, (underWay += 1));
    try {
      return await asking();
    } finally {
      underWay -= 1;
    }
  };
  return {
    keys,
    mostAtOnce: () => most,
    objects: {
      ...objects,
      head: (key, signal) => counted(key, () => objects.head(key, signal)),
      get: (key, signal) => counted(key, () => objects.get(key, signal)),
    },
  };
}
