import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { mapConcurrently } from '../../../model/concurrently.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import { Tally } from '../../../store/collect/tally.ts';
import { createStore } from '../../../store/create-store.ts';
import type { ObjectInfo, ObjectStore } from '../../../store/object-store.ts';
import type { S3ObjectStore } from '../../../store/s3-object-store.ts';
import { countReads } from '../../helpers/counted-reads.ts';
import { playSideBySide } from '../../helpers/pushes-and-collections.ts';
import { idOfPush, pushOnStore, runTask } from '../../helpers/pushes-on-a-store.ts';
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

it('tasks that have left a log only are removed with no question of their own, and records of others are read side by side', async () => {
  const days = 86_400_000;
  const asked = new Map<number, ReturnType<typeof countReads>>();
  for (const tasks of [5, 60]) {
    const own = await openTestBucket();
    let nowMs = Date.parse('2026-01-01T00:00:00Z');
    const now = (): Date => new Date(nowMs);
    const objects = withClock(own, now);
    const store = createStore(objects, undefined, { now });
    const keep = { number: 2, level: 1, image: 'lint', version: 1, now } as const;
    await pushOnStore(store, { ...keep, number: 1 });
    await pushOnStore(store, keep);
    const [gone, kept] = [idOfPush({ number: 1, level: 1 }), idOfPush(keep)];
    const expires = new Date(nowMs + 50 * days).toISOString();
    const labels = Array.from({ length: tasks }, (_, at) => `other-${at}`);
    await mapConcurrently(labels, (label) =>
      runTask(store, { now, number: 1, onlyLog: true }, taskIdIn(gone, label)),
    );
    await mapConcurrently(labels, (label) =>
      runTask(store, { now, number: 2, artifactExpires: expires }, taskIdIn(kept, label)),
    );
    nowMs += 40 * days;
    const counted = countReads(objects);
    asked.set(tasks, counted);

    await createStore(counted.objects, undefined, { now }).collector.expire({
      ...{ level: 1, lifeMs: 28 * days },
      ...{ tally: new Tally(), signal: new AbortController().signal },
    });

    for (const label of labels) {
      expect(await store.tasks.find(taskIdIn(gone, label))).toBeUndefined();
      expect(await store.artifacts.find(taskIdIn(kept, label), 0, 'public/out')).toBeDefined();
    }
    own.close();
  }
  const reads = (tasks: number): number => asked.get(tasks)!.keys.length;
  // One for each artifact that has a time of its own.
  expect(reads(60) - reads(5)).toBe(55);
  expect(asked.get(60)!.mostAtOnce()).toBeGreaterThan(4);
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
