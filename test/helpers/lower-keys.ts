import { StoreUnavailable } from '../../model/errors.ts';
import type { ObjectStore } from '../../store/object-store.ts';

/** The same objects as keys see them that may not read what lies below a prefix: a server refuses to say whether it is there. */
export function withoutReads(objects: ObjectStore, prefix: string): ObjectStore {
  const answer = Object.assign(new Error('UnknownError'), {
    name: '403',
    $metadata: { httpStatusCode: 403 },
  });
  return {
    ...objects,
    async head(key, signal) {
      if (!key.startsWith(prefix)) return objects.head(key, signal);
      throw new StoreUnavailable('HeadObject', 'bucket', key, 'status 403', { cause: answer });
    },
  };
}
