import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { ObjectInfo, ObjectStore } from '../../../store/object-store.ts';
import type { S3ObjectStore } from '../../../store/s3-object-store.ts';
import { playSideBySide } from '../../helpers/pushes-and-collections.ts';
import { openTestBucket } from '../../helpers/s3-test-server.ts';

jest.setTimeout(600_000);

let bucket: S3ObjectStore;
beforeAll(async () => {
  bucket = await openTestBucket({ keysPerRequest: 50 });
});
afterAll(() => bucket.close());

it('pushes and collections at random side by side lose nothing on the real server, and leave little', async () => {
  const open = (now: () => Date): ObjectStore => withClock(bucket, now);

  const played = await playSideBySide({ seed: 7, pushes: 40, silentMs: 3_000, open });

  expect(played.trouble).toEqual([]);
  expect(played.total).toBeLessThanOrEqual(1.05 * played.reachable);
  expect(played.overdue).toEqual([]);
});

/** The same objects, as old as a clock of ours says: the server's own cannot be moved. */
function withClock(objects: ObjectStore, now: () => Date): ObjectStore {
  const written = new Map<string, Date>();
  const aged = <T extends ObjectInfo | undefined>(info: T): T =>
    info && { ...info, lastModified: written.get(info.key) ?? info.lastModified };
  const stamp = async <T>(key: string, writing: Promise<T>): Promise<T> => {
    const answer = await writing;
    written.set(key, now());
    return answer;
  };
  return {
    bucket: objects.bucket,
    head: async (...args) => aged(await objects.head(...args)),
    async get(...args) {
      const found = await objects.get(...args);
      return found && { ...found, info: aged(found.info) };
    },
    stream: (...args) => objects.stream(...args),
    put: (key, ...args) => stamp(key, objects.put(key, ...args)),
    putStream: (key, ...args) => stamp(key, objects.putStream(key, ...args)),
    copy: (from, key, ...args) => stamp(key, objects.copy(from, key, ...args)),
    delete: (...args) => objects.delete(...args),
    deleteIf: (...args) => objects.deleteIf(...args),
    abortUploads: (...args) => objects.abortUploads(...args),
    async *list(...args) {
      for await (const info of objects.list(...args)) yield aged(info);
    },
  };
}
