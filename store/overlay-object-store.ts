import type { ObjectInfo, ObjectStore, PutOptions } from './object-store.ts';
import { WriteConflict } from '../model/errors.ts';

/**
 * Two object stores as one, of which the lower is only read: whatever is written, replaced or copied goes into the upper, and
 * what that has hides what lies below. Nothing below can be taken away.
 */
export function createOverlay(upper: ObjectStore, lower: ObjectStore): ObjectStore {
  /** What a condition means for the upper store. */
  async function conditionAbove(key: string, { onlyIf, signal }: PutOptions): Promise<PutOptions['onlyIf']> {
    if (onlyIf === undefined || (await upper.head(key, signal))) return onlyIf;
    const below = await lower.head(key, signal);
    if (onlyIf === 'absent' ? below : below?.etag !== onlyIf.etag) throw new WriteConflict(key);
    return 'absent';
  }

  return {
    bucket: upper.bucket,
    head: async (key, signal) => (await upper.head(key, signal)) ?? lower.head(key, signal),
    get: async (key, signal) => (await upper.get(key, signal)) ?? lower.get(key, signal),
    stream: async (key, options) => (await upper.stream(key, options)) ?? lower.stream(key, options),
    put: async (key, body, options = {}) =>
      upper.put(key, body, conditioned(options, await conditionAbove(key, options))),
    putStream: async (key, body, options = {}) =>
      upper.putStream(key, body, conditioned(options, await conditionAbove(key, options))),
    async copy(from, to, options = {}) {
      const below = (await upper.head(from)) ? undefined : await lower.head(from, options.signal);
      const body = below && (await lower.stream(from, options.signal ? { signal: options.signal } : {}));
      if (!below || !body) return upper.copy(from, to, options);
      const replaces = options.contentType !== undefined || options.metadata !== undefined;
      const { contentType, metadata } = replaces ? options : below;
      await upper.putStream(to, body, {
        ...(contentType === undefined ? {} : { contentType }),
        ...(metadata === undefined ? {} : { metadata }),
        sizeBytes: below.sizeBytes,
        ...(options.signal ? { signal: options.signal } : {}),
      });
    },
    delete: (keys, signal) => upper.delete(keys, signal),
    deleteIf: (key, etag, signal) => upper.deleteIf(key, etag, signal),
    abortUploads: (...args) => upper.abortUploads(...args),
    list: (prefix, options) => merge(upper.list(prefix, options), lower.list(prefix, options)),
  };
}

function conditioned<T extends PutOptions>(options: T, onlyIf: PutOptions['onlyIf']): T {
  const { onlyIf: _asGiven, ...others } = options;
  return { ...others, ...(onlyIf === undefined ? {} : { onlyIf }) } as T;
}

/** Two listings, each in order, as one; of what both have the upper's. */
async function* merge(
  upper: AsyncIterable<ObjectInfo>,
  lower: AsyncIterable<ObjectInfo>,
): AsyncIterable<ObjectInfo> {
  const [above, below] = [upper[Symbol.asyncIterator](), lower[Symbol.asyncIterator]()];
  try {
    let [one, other] = await Promise.all([above.next(), below.next()]);
    while (!one.done || !other.done) {
      const order = one.done ? 1 : other.done ? -1 : compare(one.value.key, other.value.key);
      const taken: ObjectInfo = order <= 0 ? one.value : other.value;
      if (order <= 0) one = await above.next();
      if (order >= 0) other = await below.next();
      yield taken;
    }
  } finally {
    await Promise.all([above.return?.(), below.return?.()]);
  }
}

function compare(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
