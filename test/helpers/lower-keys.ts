import { StoreUnavailable } from '../../model/errors.ts';
import type { ObjectStore } from '../../store/object-store.ts';

/** The same objects as keys see them that may not read what lies below a prefix: a server refuses to say whether it is there. */
export function withoutReads(objects: ObjectStore, prefix: string): ObjectStore {
  return {
    ...objects,
    async head(key, signal) {
      if (!key.startsWith(prefix)) return objects.head(key, signal);
      throw refusal('HeadObject', key);
    },
  };
}

/** The same objects as keys see them that may add some, and write over none. */
export function withoutOverwrites(objects: ObjectStore): ObjectStore {
  return {
    ...objects,
    async put(key, body, options) {
      if (!(await objects.head(key))) return objects.put(key, body, options);
      throw refusal('PutObject', key);
    },
  };
}

function refusal(operation: string, key: string): StoreUnavailable {
  const answer = Object.assign(new Error('UnknownError'), {
    name: '403',
    $metadata: { httpStatusCode: 403 },
  });
  return new StoreUnavailable(operation, 'bucket', key, 'status 403', { cause: answer });
}
