import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { StoreUnavailable } from '../../../model/errors.ts';
import type { Digest, Level } from '../../../model/pure/ids.ts';
import { imageTaskId, taskIdIn } from '../../../model/pure/ids.ts';
import type { CollectionReport } from '../../../model/schema/collection.ts';
import type { ServerConfig } from '../../../model/schema/config.ts';
import type { Plan, PlannedTask } from '../../../model/schema/plan.ts';
import { collect } from '../../../steps/collect.ts';
import type { TarballImport } from '../../../steps/import-tarball.ts';
import { importTarball } from '../../../steps/import-tarball.ts';
import { isWhole } from '../../../steps/image-closure.ts';
import { markUses } from '../../../steps/mark-uses.ts';
import { Rehearsal } from '../../../store/collect/rehearsal.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { aBody, digestOf } from '../../helpers/bytes.ts';
import { idOfPush, pushOnStore } from '../../helpers/pushes-on-a-store.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const DAY_MS = 86_400_000;
const CONFIG: ServerConfig = { version: 1, localProjects: true, projects: {} };
/** Real time after which a collection that died is taken over here. */
const SILENT_MS = 300;
const STATE = 'blobs/collection.json';

let nowMs: number;
let objects: ObjectStore;
let store: Store;
const now = (): Date => new Date(nowMs);
const days = (count: number): void => void (nowMs += count * DAY_MS);
const keys = async (prefix: string): Promise<string[]> => {
  const found: string[] = [];
  for await (const { key } of objects.list(prefix)) found.push(key);
  return found;
};
const open = (over: ObjectStore): Store => createStore(over, undefined, { now, silentMs: SILENT_MS });
const gc = (
  level: Level,
  { over = objects, dryRun = false, rehearsal = new Rehearsal(), signal = new AbortController().signal } = {},
): Promise<CollectionReport> =>
  collect(
    { store: open(over), config: CONFIG, rehearsal },
    { level, dryRun },
    { signal, onProgress: () => undefined },
  );
const freed = (report: CollectionReport, kind: string): number =>
  report.kinds.find((each) => each.kind === kind)?.freed.objects ?? 0;
const push = (
  number: number,
  version: number,
  level: Level = 1,
  artifactExpires?: string,
): Promise<{ built: boolean }> =>
  pushOnStore(open(objects), {
    number,
    level,
    image: 'lint',
    version,
    now,
    ...(artifactExpires ? { artifactExpires } : {}),
  });

const A_TASK = {
  ...{
    label: 't',
    description: '',
    command: ['true'],
    env: {},
    maxRunTimeSeconds: 1,
    artifacts: {},
    inputs: {},
  },
  ...{ dependencies: [], requires: 'all-completed', priority: 'low', retries: 0, deadlineSeconds: 1 },
  ...{ retryExitCodes: [], resources: { pids: 1, shmBytes: 1 }, checkout: null, why: '' },
};

/** A blob that nothing reaches, old enough to be taken away. */
async function anOldBlob(): Promise<{ digest: Digest; bytes: Buffer }> {
  const bytes = Buffer.from('a layer that nothing reaches');
  const digest = digestOf(bytes) as Digest;
  await store.blobs.write(digest, bytes.length, bytes);
  days(2);
  return { digest, bytes };
}

/** The object store of a collector that does something of ours right before it takes blobs away. */
function before(name: 'delete' | 'head', act: (key: string) => Promise<void>): ObjectStore {
  return {
    ...objects,
    async delete(gone, signal) {
      if (name === 'delete' && gone[0]?.startsWith('blobs/')) await act(gone[0]);
      await objects.delete(gone, signal);
    },
    async head(key, signal) {
      if (name === 'head') await act(key);
      return objects.head(key, signal);
    },
  };
}

beforeEach(() => {
  nowMs = Date.parse('2026-01-01T00:00:00Z');
  objects = createMemoryObjectStore('memory', now);
  store = open(objects);
});

describe('what a cache mount held', () => {
  it('stays with its layers while builds use it, then goes as images do', async () => {
    const layer = Buffer.from('a layer');
    const config = Buffer.from('{}');
    for (const bytes of [layer, config]) await store.blobs.write(digestOf(bytes), bytes.length, bytes);
    const type = 'application/vnd.oci.image';
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: `${type}.manifest.v1+json`,
        config: { mediaType: `${type}.config.v1+json`, digest: digestOf(config), size: config.length },
        layers: [{ mediaType: `${type}.layer.v1.tar`, digest: digestOf(layer), size: layer.length }],
      }),
    );
    await store.blobs.write(digestOf(manifest), manifest.length, manifest);
    const mount = { id: '/c', platform: 'linux/amd64' };
    await store.mounts.record('d', 1, mount, {
      ...{ version: 1, ...mount, created: now().toISOString(), content: 'c', contentBytes: 7 },
      ...{ manifestDigest: digestOf(manifest), configDigest: digestOf(config), diffIds: [], sizeBytes: 9 },
    });

    days(20);
    await store.mounts.use('d', 1, mount);
    days(20);
    for (const level of [1, 3] as const) await gc(level);
    expect(await store.mounts.find('d', 1, mount)).toBeDefined();
    expect(await keys('blobs/sha256/')).toHaveLength(3);

    days(10);
    await gc(1);
    expect(await store.mounts.find('d', 1, mount)).toBeUndefined();
    days(1.1);
    expect(freed(await gc(1), 'cache mounts')).toBe(1);
    expect(freed(await gc(3), 'blobs')).toBe(3);
    expect(await keys('')).toEqual([]);
  });
});

describe('what a task has left', () => {
  const SHA = 'a'.repeat(64);
  const id = idOfPush({ number: 1, level: 1 });
  const taskId = taskIdIn(id, 'unit');
  const tarball = { taskId, run: 0, path: 'public/image.tar', sha256: SHA };
  const place = { domain: 'demo', level: 1, platform: 'linux/amd64' } as const;
  const load = (): Promise<TarballImport> =>
    importTarball(store, tarball, place, {
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
  /** A push whose task runs in a tarball of another push, found by a route, which it takes a file from, too. */
  const use = (): Promise<void> =>
    markUses(
      store,
      {
        ...{ domain: 'demo', level: 1, images: [] },
        tasks: [
          {
            image: { ...tarball, type: 'indexed-image', namespace: 'image.latest', pinned: tarball },
            inputs: { '/in': { namespace: 'made.latest', artifact: 'public/out' } },
          },
        ],
      } as unknown as Plan,
      'linux/amd64',
    );
  const route = (namespace: string): Promise<void> =>
    store.routes.record('demo', 1, {
      ...{ version: 1, namespace, taskId, run: 0, plannedAt: now().toISOString() },
      artifacts: [{ name: 'public/out', sha256: SHA }],
    });
  async function anOldTarball(): Promise<void> {
    const { stored } = await putImage(store.blobs, await anImage());
    await store.tarballs.record('demo', 1, {
      ...{ version: 1, ...stored, sha256: SHA, imported: now().toISOString() },
    });
    days(2);
  }

  it('stays with its task while pushes use a route that leads there, then goes', async () => {
    await push(1, 1);
    for (const namespace of ['made.latest', 'image.latest']) await route(namespace);

    for (let uses = 0; uses < 3; uses += 1) {
      days(20);
      await use();
      await gc(1);
    }
    for (const namespace of ['made.latest', 'image.latest'])
      expect(await store.routes.find('demo', 1, namespace)).toBeDefined();
    expect(await store.artifacts.find(taskId, 0, 'public/out')).toBeDefined();

    days(29);
    await gc(1);
    // What was found just before stays for a day.
    await gc(1);
    expect(await keys('level-1/index/demo/routes/')).toHaveLength(2);
    expect(await store.routes.find('demo', 1, 'made.latest')).toBeUndefined();
    expect(await store.artifacts.find(taskId, 0, 'public/out')).toBeDefined();
    days(1.1);
    await gc(1);
    expect(await keys('level-1/index/demo/routes/')).toEqual([]);
    expect(await store.artifacts.find(taskId, 0, 'public/out')).toBeUndefined();
  });

  it('is found again under a route that is retired when a task completes with it, however old its push', async () => {
    await route('made.latest');
    days(29);
    await gc(1);
    expect(await store.routes.find('demo', 1, 'made.latest')).toBeUndefined();

    const plannedAt = '2025-12-01T00:00:00.000Z';
    await store.routes.record('demo', 1, {
      ...{ version: 1, namespace: 'made.latest', taskId, run: 1, plannedAt, artifacts: [] },
    });

    expect(await store.routes.find('demo', 1, 'made.latest')).toMatchObject({ run: 1 });
  });

  it.each([
    ['loaded', load],
    ['planned with', use],
  ])('is the image of a tarball, which stays while it is %s, then goes', async (_, usedBy) => {
    await anOldTarball();

    for (let uses = 0; uses < 3; uses += 1) {
      days(20);
      await usedBy();
      for (const level of [1, 3] as const) await gc(level);
    }
    expect((await load()).bytesWritten).toBeUndefined();
    expect(await keys('blobs/sha256/')).toHaveLength(4);

    days(29);
    await gc(1);
    expect(await keys('level-1/index/demo/tarballs/')).toHaveLength(1);
    await expect(load()).rejects.toMatchObject({ type: 'ImageUnavailable' });
    days(1.1);
    for (const level of [1, 3] as const) await gc(level);
    expect(await keys('')).toEqual([]);
  });

  it('keeps its blobs for a day once it is about to be loaded, whatever becomes of its record', async () => {
    await anOldTarball();

    await load();
    await objects.delete(await keys('level-1/index/demo/tarballs/'));

    expect(freed(await gc(3), 'blobs')).toBe(0);
    days(1.1);
    expect(freed(await gc(3), 'blobs')).toBe(4);
  });
});

describe('a blob that nothing reaches', () => {
  it('stays for the grace time, then goes', async () => {
    const bytes = Buffer.from('young');
    await store.blobs.write(digestOf(bytes) as Digest, bytes.length, bytes);

    expect(freed(await gc(3), 'blobs')).toBe(0);
    days(1.1);
    expect(freed(await gc(3, { dryRun: true }), 'blobs')).toBe(1);
    expect(await keys('blobs/sha256/')).toHaveLength(1);
    expect(freed(await gc(3), 'blobs')).toBe(1);
    expect(await keys('blobs/')).toEqual([]);
  });

  it('stays for another grace time when somebody has just found it, and its lease goes afterwards', async () => {
    const { digest } = await anOldBlob();

    expect(await store.blobs.claim(digest)).toMatchObject({ digest });
    expect(freed(await gc(3), 'blobs')).toBe(0);

    expect(await store.blobs.stat(digest)).toBeDefined();
    days(1.1);
    await gc(3);
    expect(await keys('blobs/')).toEqual([]);
  });

  it('is missing for whoever asks for it while it is being taken away, and stays when it is written in that moment', async () => {
    const { digest, bytes } = await anOldBlob();
    let claiming: Promise<unknown> | undefined;
    let writing: Promise<unknown> | undefined;
    const collector = before('delete', async () => {
      claiming = open(objects).blobs.claim(digest);
      writing = open(objects).blobs.writeUnknown(aBody(bytes));
      // They wait for the end of it, which is only after this.
      expect(await Promise.race([claiming, writing, delay(150, 'waiting')])).toBe('waiting');
    });

    expect(freed(await gc(3, { over: collector }), 'blobs')).toBe(1);

    expect(await claiming).toBeUndefined();
    expect(await writing).toMatchObject({ outcome: 'written' });
    expect(await store.blobs.stat(digest)).toBeDefined();
  });

  it('stays when it is claimed between the look at what is reachable and its deletion', async () => {
    const { digest } = await anOldBlob();
    let claimed: Promise<unknown> | undefined;
    const collector: ObjectStore = {
      ...objects,
      async *list(prefix, options) {
        if (prefix === 'blobs/sha256/') claimed = open(objects).blobs.claim(digest);
        await claimed;
        yield* objects.list(prefix, options);
      },
    };

    const report = await gc(3, { over: collector });

    expect(freed(report, 'blobs')).toBe(0);
    expect(report.kinds.find(({ kind }) => kind === 'blobs')?.why).toMatchObject({
      'kept: claimed lately': { objects: 1 },
    });
    expect(await store.blobs.stat(digest)).toBeDefined();
  });
});

describe('collections', () => {
  it('leave blobs to the one that goes on, and take one over that has died in the middle', async () => {
    const { digest } = await anOldBlob();
    const dies = new AbortController();
    const dying = before('delete', () => {
      dies.abort(new Error('killed'));
      return Promise.reject(new Error('killed'));
    });
    await expect(gc(3, { over: dying, signal: dies.signal })).rejects.toThrow('killed');
    expect(await keys(STATE)).toEqual([STATE]);

    // Who wants what it was taking away does not wait for ever.
    expect(await store.blobs.claim(digest)).toBeDefined();
    expect(await gc(3)).toMatchObject({ blobs: 'collected' });

    expect(await keys(STATE)).toEqual([]);
    expect(await store.blobs.stat(digest)).toBeDefined();

    let second: CollectionReport | undefined;
    days(3);
    await gc(3, {
      over: before('head', async (key) => {
        if (key.startsWith('blobs/leases/'))
          second ??= await gc(3, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
      }),
    }).catch((error: unknown) => expect(String(error)).toContain('stood still'));
    expect(await keys('blobs/sha256/')).toEqual([]);
  });

  it('that stood still for too long take nothing more away', async () => {
    const { digest } = await anOldBlob();
    const still = before('head', async (key) => {
      if (key.startsWith('blobs/leases/')) await delay(SILENT_MS);
    });

    await expect(gc(3, { over: still })).rejects.toThrow('stood still for too long');

    expect(await store.blobs.stat(digest)).toBeDefined();
  });

  it('take nothing away when the store does not say all that it reaches', async () => {
    await push(1, 1);
    days(2);
    const before = await keys('');
    const troubled: ObjectStore = {
      ...objects,
      get: (key, signal) =>
        key.includes('/index/')
          ? Promise.reject(new StoreUnavailable('GetObject', 'memory', key, 'it is away'))
          : objects.get(key, signal),
    };

    await expect(gc(3, { over: troubled })).rejects.toThrow('it is away');

    expect((await keys('')).filter((key) => key !== STATE)).toEqual(before);
  });
});

describe('what has outlived its life', () => {
  it('is an image that no push has used for it: it counts as none, goes, and is built again on the next push', async () => {
    expect(await push(1, 1)).toEqual({ built: true });
    days(20);
    expect(await push(2, 1)).toEqual({ built: false });
    days(20);
    // Extended by its use.
    await gc(1);
    expect(await push(3, 1)).toEqual({ built: false });

    days(29);
    const first = await gc(1);
    expect(first.kinds.find(({ kind }) => kind === 'images')).toMatchObject({ freed: { objects: 0 } });
    days(1.1);
    expect(freed(await gc(1), 'images')).toBe(1);
    await gc(3);
    expect(await keys('blobs/sha256/')).toEqual([]);

    expect(await push(4, 1)).toEqual({ built: true });
  });

  it('is not an image that tasks of other pushes name by the id of its build', async () => {
    await push(1, 1);
    const key = {
      ...{ domain: 'demo', name: 'lint' },
      imageHash: (await keys('level-1/index/demo/images/lint/'))[0]!.split('/').at(-1)!,
    };
    const taskId = imageTaskId({ ...key, level: 1 });
    const image = { type: 'task-image', path: 'public/image.tar', pinned: { taskId, run: 0 } };
    const tasks = [{ image, inputs: {} }];

    days(20);
    await markUses(store, { domain: 'demo', level: 1, images: [], tasks } as unknown as Plan, 'linux/amd64');
    days(20);
    await gc(1);

    expect(await store.index.find(key, 1)).toBeDefined();
  });

  it('is a push with its tasks, their artifacts and logs, and its entry in the list by day; nothing of it is left', async () => {
    await push(1, 1);
    days(27);
    await gc(1);
    expect(await store.pushes.find(idOfPush({ number: 1, level: 1 }))).toBeDefined();

    days(2);
    const dry = await gc(1, { dryRun: true });
    const report = await gc(1);
    days(1.1);
    await gc(1);
    await gc(1);

    expect(freed(report, 'pushes')).toBe(3);
    expect(freed(report, 'artifacts')).toBe(2);
    expect(freed(dry, 'pushes')).toBe(3);
    expect(await keys('level-1/')).toEqual([]);
  });

  it('is in a dry run what a run takes away, records and the blobs that only they reached, whatever level they are of', async () => {
    await push(1, 1);
    await push(2, 20, 3);
    days(30);
    // Retired now, so that it can be removed a day later.
    await gc(1);
    await objects.put('uploads/left', Buffer.from('half'));
    days(1.1);
    const before = await keys('');
    const rehearsal = new Rehearsal();

    const dry = [];
    for (const level of [1, 2, 3] as const) dry.push(await gc(level, { dryRun: true, rehearsal }));

    expect(await keys('')).toEqual(before);
    const real = [];
    for (const level of [1, 2, 3] as const) real.push(await gc(level));
    expect(dry).toEqual(real.map((report) => ({ ...report, dryRun: true })));
    expect(freed(real[0]!, 'images')).toBe(1);
    expect(freed(real[0]!, 'uploads')).toBe(1);
    expect(freed(real[2]!, 'blobs')).toBeGreaterThan(2);
  });

  it('is not an image that a plan has pinned for a task, while its push lives', async () => {
    const { stored } = await putImage(store.blobs, await anImage());
    await push(1, 1, 3);
    const plan = (await store.pushes.findPlan(idOfPush({ number: 1, level: 3 })))!;
    const pinned = { taskId: 'image/demo/3/other/1', run: 0, stored };
    const image = { type: 'task-image', path: 'public/image.tar', pinned };
    await store.pushes.writePlan({ ...plan, tasks: [{ ...A_TASK, image } as unknown as PlannedTask] });

    days(20);
    await gc(3);
    expect(await isWhole(store.blobs, stored.manifestDigest)).toBe(true);

    days(400);
    await gc(3);
    days(1.1);
    await gc(3);
    expect(await isWhole(store.blobs, stored.manifestDigest)).toBe(false);
  });

  it('is not a push that has no verdict, or an artifact of which is wanted for longer', async () => {
    await push(1, 1, 1, '2026-03-01T00:00:00Z');
    await push(2, 1);
    const [kept, open] = [idOfPush({ number: 1, level: 1 }), idOfPush({ number: 2, level: 1 })];
    await store.pushes.writeStatus({ ...(await store.pushes.findStatus(open))!, state: 'running' });
    days(40);
    await gc(1);

    expect(await store.pushes.find(open)).toBeDefined();
    expect(await store.artifacts.find(taskIdIn(kept, 'unit'), 0, 'public/out')).toBeDefined();

    days(30);
    await gc(1);
    expect(await store.pushes.find(kept)).toBeUndefined();
    expect(await store.pushes.find(open)).toBeDefined();
  });

  it('is a hint that an engine has an image, after a day', async () => {
    const { digest } = await anOldBlob();
    await store.holders.note(1, digest, 'engine');
    await gc(1);
    expect(await keys('level-1/holders/')).toHaveLength(1);

    days(1.1);
    expect(freed(await gc(1, { dryRun: true }), 'holders')).toBe(1);
    expect(freed(await gc(1), 'holders')).toBe(1);
    expect(await keys('level-1/holders/')).toEqual([]);
  });

  it('is an artifact whose own time is over, and a chunk beside a log that is joined', async () => {
    await push(1, 1, 1, '2026-01-02T00:00:00Z');
    const task = taskIdIn(idOfPush({ number: 1, level: 1 }), 'unit');
    await store.logs.append(task, 0, { seq: 0, text: Buffer.from('late'), taskBytes: 4 });
    days(3);

    const report = await gc(1);

    expect(freed(report, 'artifacts')).toBe(1);
    expect(freed(report, 'log chunks')).toBe(1);
    expect((await store.artifacts.list(task, 0)).map(({ name }) => name)).toEqual(['public/logs/live.log']);
  });

  it('is not a push that begins a new round in the moment of its removal', async () => {
    await push(1, 1);
    const id = idOfPush({ number: 1, level: 1 });
    const record = (await store.pushes.find(id))!;
    days(40);
    let isAsked = false;
    const collector: ObjectStore = {
      ...objects,
      async deleteIf(key, etag, signal) {
        const gone = await objects.deleteIf(key, etag, signal);
        if (key.endsWith('/push.json') && !isAsked) {
          isAsked = true;
          await store.pushes.receive(record);
        }
        return gone;
      },
    };

    await gc(1, { over: collector });

    expect(isAsked).toBe(true);
    expect(await store.pushes.find(id)).toEqual(record);
    expect(await store.pushes.findPlan(id)).toBeDefined();
    expect(await keys('level-1/pushes-by-day/')).toHaveLength(1);
  });

  it('leaves nothing, wherever the push died and wherever the one that collected it', async () => {
    for (const written of ['push', 'status'])
      for (let requests = 1, isKilled = true; isKilled; requests += 1) {
        objects = createMemoryObjectStore('memory', now);
        store = open(objects);
        await push(1, 1);
        const { pushId, ...record } = (await store.pushes.find(idOfPush({ number: 1, level: 1 })))!;
        await objects.delete(
          (await keys('level-1/pushes/')).filter((key) => !key.includes(`${written}.json`)),
        );
        days(1);
        // It came again, and died at once.
        await store.pushes.receive({ ...record, pushId, received: now().toISOString() });
        await store.pushes.close(pushId);
        days(60);
        let left = requests;
        isKilled = false;
        const dying: ObjectStore = new Proxy(objects, {
          get(target, name: keyof ObjectStore) {
            const member = target[name];
            if (typeof member !== 'function' || !/^(?:delete|deleteIf|put)$/.test(name)) return member;
            return (...args: never[]) => {
              isKilled ||= (left -= 1) < 0;
              if (isKilled) throw new Error('killed');
              return (member as (...given: never[]) => unknown).apply(target, args);
            };
          },
        });
        await gc(1, { over: dying }).catch(() => undefined);
        for (let round = 0; round < 3; round += 1) {
          days(2);
          await gc(1);
        }
        expect(await keys('level-1/')).toEqual([]);
      }
  });
});
