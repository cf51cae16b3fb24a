import { createHash } from 'node:crypto';
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { connectEngine } from '../../../docker/connect.ts';
import type { Engine, LoadResult } from '../../../docker/engine.ts';
import { EngineRoom } from '../../../docker/room/engine-room.ts';
import type { RoomOptions } from '../../../docker/room/engine-room.ts';
import type { MadeRoom } from '../../../docker/room/made-room.ts';
import type { StoredImage } from '../../../model/schema/plan.ts';
import { startAlteredEngine } from '../../helpers/altered-engine.ts';
import { contextOf } from '../../helpers/dev-engine.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { makeImage, noise } from '../../helpers/engine-images.ts';
import { startImageRegistry } from '../../helpers/image-registry.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';
import { mountSmallDisk } from '../../helpers/small-disk.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import type { TemporaryDirectory } from '../../helpers/temporary-directory.ts';
import { tinyProgram } from '../../helpers/tiny-program.ts';

jest.setTimeout(240_000);

const MEGABYTE = 1_000_000;
const signal = new AbortController().signal;

let directory: TemporaryDirectory;
let blobs: DirectoryBlobs;
let second: SecondEngine;
let stored: readonly StoredImage[];
/** What one of the stored images takes in the engine. */
let imageBytes: number;

beforeAll(async () => {
  directory = await temporaryDirectory('slipway-room-');
  blobs = await DirectoryBlobs.create(join(directory.path, 'blobs'));
  second = await startSecondEngine();
  const engine = await connect(second);
  const images: StoredImage[] = [];
  for (let made = 0; made < 6; made += 1) {
    const layers = [{ 'bin/true': tinyProgram('it runs\n'), bulk: noise(4 * MEGABYTE) }];
    const { tag } = await makeImage(second.docker, { layers });
    imageBytes = (await second.docker.getImage(tag).inspect()).Size;
    images.push(await engine.images.publish(tag, { signal, mayConfirm: () => false }));
    await engine.images.remove(tag);
  }
  stored = images;
  await engine.close();
});

afterEach(async () => {
  for (const { Id } of await second.docker.listContainers({ all: true }))
    await second.docker.getContainer(Id).remove({ force: true });
  for (const { Id } of await second.docker.listImages())
    await second.docker.getImage(Id).remove({ force: true });
});

afterAll(async () => {
  await second?.stop();
  await directory?.[Symbol.asyncDispose]();
});

/** As one more worker process would; with what it is told of the room that it makes. */
async function connect(
  { socketPath }: Pick<SecondEngine, 'socketPath'>,
  room?: Partial<RoomOptions>,
): Promise<Engine> {
  const address = `unix://${socketPath}`;
  const reach = { kind: 'loopback' } as const;
  const onTrouble = (error: unknown): never => {
    throw error;
  };
  return connectEngine({
    address,
    blobs,
    reach,
    fleet: 'test-room',
    ...(room ? { room: () => Promise.resolve({ isPrivate: false, onTrouble, ...room }) } : {}),
  });
}

const load = async (engine: Engine, at: number, hold?: string): Promise<LoadResult> => {
  const loaded = await engine.images.load(stored[at]!, {
    tag: `number-${at}`,
    signal,
    ...(hold === undefined ? {} : { hold }),
  });
  // Uses are told in whole seconds.
  await delay(1_100);
  return loaded;
};

/** Which of the stored images the engine has. */
const present = async (): Promise<readonly number[]> => {
  const names = (await second.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
  return stored.map((_, at) => at).filter((at) => names.includes(`slipway.invalid/image:number-${at}`));
};

/** An instance of a cache, and what tells of its use. */
const volumesWith = async (name: string): Promise<readonly string[]> => {
  const { Volumes: found } = await second.docker.listVolumes();
  return (found ?? []).map(({ Name }) => Name).filter((one) => one.startsWith(name));
};

const holderOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

describe('an engine with a disk budget', () => {
  it('loses an image with its own name, whatever tells of its use, but not one that is held', async () => {
    const engine = await connect(second, { budgetBytes: 100 * imageBytes });
    const own = (at: number): string => `slipway.invalid/image:number-${at}`;
    const loaded = await Promise.all([load(engine, 0), load(engine, 1, holderOf('a run'))]);

    await engine.images.remove(own(0));
    await engine.images.remove(own(1));
    await engine.images.remove(own(2));

    const left = (await second.docker.listImages()).map(({ Id }) => Id);
    expect(left).toEqual([loaded[1].engineImageId]);
    await engine.close();
  });

  it('lets go what was unused for longest; what a container has, what is held and what is not of Slipway stays', async () => {
    const foreign = await makeImage(second.docker, { layers: [{ bulk: noise(20 * MEGABYTE) }] });
    const made: MadeRoom[] = [];
    const budgetBytes = Math.floor(3.5 * imageBytes);
    const engine = await connect(second, { budgetBytes, onMadeRoom: (one) => made.push(one) });
    const other = await connect(second, { budgetBytes, onMadeRoom: (one) => made.push(one) });

    for (const at of [0, 1, 2]) expect(await load(engine, at)).not.toHaveProperty('madeRoom');
    // Used again, by another process.
    expect(await load(other, 0)).toMatchObject({ way: 'present', bytesLoaded: 0 });
    expect(await load(engine, 3)).toMatchObject({ madeRoom: { images: 1 } });
    expect(await present()).toEqual([0, 2, 3]);
    expect(made).toEqual([
      {
        why: 'over the budget',
        removed: [expect.objectContaining({ names: ['slipway.invalid/image:number-1'] })],
        freedBytes: expect.any(Number),
        takenBytes: expect.any(Number),
        budgetBytes,
      },
    ]);

    // 2 is the next, but a container has it; then 0, but it is somebody's own too; then 3.
    const { engineImageId } = await load(other, 2);
    await load(engine, 0);
    await load(engine, 3);
    const container = await second.docker.createContainer({ Image: engineImageId });
    await second.docker.getImage('slipway.invalid/image:number-0').tag({ repo: 'people/own', tag: '1' });
    await load(other, 4);
    await load(other, 5);
    expect(await present()).toEqual([0, 2, 4, 5]);

    // Held by a run that has no container yet: what is used after it goes before it.
    const hold = holderOf('run');
    await load(engine, 4, hold);
    await load(other, 5);
    await load(other, 1);
    expect(await present()).toEqual([0, 1, 2, 4]);
    await engine.images.release(hold);
    await container.remove();
    await delay(1_100);
    await load(other, 5);
    await load(other, 3);
    expect(await present()).toEqual([0, 3, 4, 5]);

    const room = new EngineRoom(second.docker, { isPrivate: false });
    const { imageBytes: taken } = await room.taken();
    expect(taken).toBeLessThanOrEqual(budgetBytes);
    expect(await engine.images.find(foreign.tag)).toBe(foreign.id);
    expect(await engine.images.find('people/own:1')).toBeDefined();
    await Promise.all([engine.close(), other.close()]);
  });

  it('counts what it pulled from outside itself, and lets it go as others; not what was there before or is somebody’s too', async () => {
    await using registry = await startImageRegistry({});
    const bulk = (): { readonly bulk: Buffer } => ({ bulk: noise(4 * MEGABYTE) });
    for (const name of ['one', 'two', 'theirs', 'shared']) await registry.put(name, '1', bulk());
    const reference = (name: string): string => `${registry.host}/${name}:1`;
    const ids = async (): Promise<readonly string[]> =>
      (
        await Promise.all(
          ['one', 'two', 'theirs', 'shared'].map(async (name) =>
            (await engine.images.find(reference(name))) ? name : '',
          ),
        )
      ).filter((name) => name !== '');
    const engine = await connect(second, { budgetBytes: Math.floor(2.5 * imageBytes) });
    const plain = await connect(second);
    const room = new EngineRoom(second.docker, { isPrivate: false });

    // Somebody had it, under another name.
    await plain.images.pull(reference('theirs'), { signal });
    await second.docker.getImage(reference('theirs')).tag({ repo: 'people/own', tag: '1' });
    await second.docker.getImage(reference('theirs')).remove();
    const hold = holderOf('a run of a plain image');
    await engine.images.pull(reference('theirs'), { signal, hold });
    expect(await room.taken()).toMatchObject({ images: 0 });
    await engine.images.use(reference('theirs'), hold);
    const { RepoTags } = await second.docker.getImage(reference('theirs')).inspect();
    expect(RepoTags?.toSorted()).toEqual([reference('theirs'), 'people/own:1'].toSorted());

    await engine.images.pull(reference('one'), { signal, hold });
    expect(await room.taken()).toMatchObject({ images: 1 });
    // Held until its run has a container.
    await load(engine, 0);
    await load(engine, 1);
    expect(await ids()).toEqual(['one', 'theirs']);
    expect(await present()).toEqual([1]);
    await engine.images.release(hold);
    await delay(1_100);
    await load(engine, 2);
    await load(engine, 3);
    expect(await ids()).toEqual(['theirs']);
    expect(await present()).toEqual([2, 3]);

    // Used again: the others go before it.
    await engine.images.pull(reference('two'), { signal, hold });
    await engine.images.release(hold);
    await load(engine, 4);
    await engine.images.use(reference('two'), hold);
    await engine.images.release(hold);
    await load(engine, 5);
    expect(await ids()).toEqual(['two', 'theirs']);

    // Somebody gives it a name.
    await engine.images.pull(reference('shared'), { signal, hold });
    await engine.images.release(hold);
    await second.docker.getImage(reference('shared')).tag({ repo: 'people/shared', tag: '1' });
    for (const at of [0, 1, 2]) await load(engine, at);
    expect(await ids()).toEqual(['theirs', 'shared']);
    await Promise.all([engine.close(), plain.close()]);
  });

  it('and a budget for one image gives every run of two processes its own, also while all images are pruned', async () => {
    const budgetBytes = Math.floor(1.2 * imageBytes);
    const engines = await Promise.all([connect(second, { budgetBytes }), connect(second, { budgetBytes })]);
    const run = async (engine: Engine, name: string, at: number): Promise<void> => {
      const hold = holderOf(name);
      const { engineImageId } = await engine.images.load(stored[at]!, { tag: `number-${at}`, hold, signal });
      await delay(200);
      const container = await second.docker.createContainer({ Image: engineImageId, name });
      await engine.images.release(hold);
      await container.remove();
    };
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(
        engines.flatMap((engine, of) =>
          [0, 1, 2].map((at) => run(engine, `run-${round}-${of}-${at}`, (at + round + of) % stored.length)),
        ),
      );
    }
    await second.docker.pruneImages({ filters: { dangling: { false: true } } });
    expect(await present()).toEqual([]);
    await load(engines[0]!, 1);
    await load(engines[1]!, 2);
    expect(await present()).toEqual([2]);
    const names = (await second.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
    expect(names.filter((name) => name.startsWith('slipway.invalid/held'))).toEqual([]);
    expect(names).toHaveLength(2);
    await Promise.all(engines.map((engine) => engine.close()));
  });

  it('lets what is kept of failed runs go, the oldest first, before it is over its budget, and all of it when the disk is full', async () => {
    const engine = await connect(second, { budgetBytes: Math.floor(2.5 * imageBytes) });
    const kept = async (): Promise<readonly string[]> =>
      (await second.docker.listContainers({ all: true })).flatMap(({ Names }) => Names).sort();
    for (const at of [0, 1]) {
      const { engineImageId } = await load(engine, at);
      const name = `slipway-room-${at}`;
      const resources = { pids: 16, shmBytes: 65_536 };
      const spec = { name, engineImageId, command: ['/bin/true'], env: {}, labels: {}, resources };
      await engine.containers.ensureCreated({ ...spec, network: 'none' }, signal);
      await engine.kept.keep(name);
    }
    expect(await kept()).toEqual(['/kept-slipway-room-0', '/kept-slipway-room-1']);

    const { madeRoom } = await load(engine, 2, holderOf('a run'));

    expect(madeRoom).toMatchObject({ images: 1, caches: 0, containers: 1 });
    expect(await kept()).toEqual(['/kept-slipway-room-1']);
    expect(await present()).toEqual([1, 2]);
    // Of the two images one is held, and the other a kept container's: less may go than is there.
    expect(await engine.images.makeRoom(Math.floor(1.5 * imageBytes))).toBeUndefined();
    expect(await kept()).toEqual(['/kept-slipway-room-1']);
    expect(await present()).toEqual([1, 2]);
    expect(await engine.images.makeRoom()).toMatchObject({ images: 1, containers: 1 });
    expect(await kept()).toEqual([]);
    expect(await present()).toEqual([2]);
    await engine.close();
  });

  it('is measured once before so much room is made as is asked for', async () => {
    const asked: string[] = [];
    const refuse = (_method: string, url: string): undefined => void asked.push(url);
    const place = join(directory.path, 'counting');
    await mkdir(place);
    await using counting = await startAlteredEngine(second.socketPath, place, { refuse });
    const socketPath = counting.address.replace('unix://', '');
    const engine = await connect({ socketPath }, { budgetBytes: 100 * imageBytes });
    for (const at of [0, 1]) await load(engine, at);
    asked.length = 0;

    expect(await engine.images.makeRoom(1)).toMatchObject({ images: 1 });

    // Of both before, of the one that is left for what is told.
    expect(asked.filter((url) => url.endsWith('/history'))).toHaveLength(3);
    await engine.close();
  });

  it('takes caches that no run has as it takes images, those that were unused for longest first', async () => {
    const made: MadeRoom[] = [];
    const engine = await connect(second, { budgetBytes: 1e12 });
    const { engineImageId } = await load(engine, 0);
    const owner = { domain: 'demo', level: 1, engineImageId } as const;
    const wanted = [{ name: 'npm', path: '/cache', perImage: true }];
    const tasks = ['old', 'new', 'held'];
    const caches = await Promise.all(
      tasks.map(async (task) => (await engine.caches.take(wanted, { ...owner, task, run: 0 }, signal))[0]!),
    );
    for (const [at, { volume, labels }] of caches.entries()) {
      const name = `room-${at}`;
      const volumes = [{ path: '/cache', name: volume, labels }];
      const resources = { pids: 16, shmBytes: 65_536 };
      await engine.containers.ensureCreated(
        { name, engineImageId, env: {}, labels: {}, resources, volumes },
        signal,
      );
      const data = noise(20 * MEGABYTE);
      const open = (): Promise<Readable> => Promise.resolve(Readable.from([data]));
      const file = { path: '/cache/data', sizeBytes: data.length, open };
      await engine.containers.putFiles(name, [file], { signal });
      await engine.containers.remove(name);
      if (tasks[at] !== 'held') await engine.caches.release({ task: tasks[at]!, run: 0 }, { purge: false });
    }
    const before = await new EngineRoom(second.docker, { isPrivate: false }).taken();
    expect(before).toMatchObject({ images: 1, caches: 3 });
    expect(before.taskCacheBytes).toBeGreaterThanOrEqual(60 * MEGABYTE);

    const budgetBytes = before.imageBytes + before.taskCacheBytes;
    const limited = await connect(second, { budgetBytes, onMadeRoom: (one) => made.push(one) });
    // By so much that it weighs more than what the image frees, which differs between the kinds of store.
    await delay(8_000);
    // Used just now, so that the caches are what was unused for longest.
    await load(engine, 0);
    expect(await load(limited, 1)).toMatchObject({ madeRoom: { images: 0, caches: 1 } });
    await limited.images.makeRoom();

    const removed = made.map((one) => one.removed.map(({ what, id }) => (what === 'cache' ? id : what)));
    expect(removed[0]).toEqual([caches[0]!.volume]);
    expect(removed[1]?.sort()).toEqual(['image', 'image', caches[1]!.volume].sort());
    const { Volumes: left } = await second.docker.listVolumes();
    expect(left.map(({ Name }) => Name).sort()).toEqual(
      [caches[2]!.volume, `${caches[2]!.volume}-held`].sort(),
    );
    await engine.caches.release({ task: 'held', run: 0 }, { purge: true });
    await Promise.all([engine.close(), limited.close()]);
  });

  it('that cannot tell what volumes and build cache take loses images all the same, and is asked once', async () => {
    const asked: string[] = [];
    const troubles: unknown[] = [];
    const refuse = (_method: string, url: string): string | undefined => {
      if (!url.includes('/system/df')) return undefined;
      asked.push(url);
      return 'a disk usage operation is already running';
    };
    const place = join(directory.path, 'busy');
    await mkdir(place);
    await using busy = await startAlteredEngine(second.socketPath, place, { refuse });
    const engine = await connect(
      { socketPath: busy.address.replace('unix://', '') },
      {
        budgetBytes: Math.floor(2.5 * imageBytes),
        isPrivate: true,
        onTrouble: (error) => troubles.push(error),
      },
    );
    const { engineImageId } = await load(engine, 0);
    const owner = { domain: 'demo', level: 1, engineImageId, task: 'any', run: 0 } as const;
    const [cache] = await engine.caches.take(
      [{ name: 'npm', path: '/cache', perImage: true }],
      owner,
      signal,
    );
    await engine.caches.release(owner, { purge: false });

    await load(engine, 1);
    expect(await load(engine, 2)).toMatchObject({ madeRoom: { images: 1, caches: 0 } });
    expect(await present()).toEqual([1, 2]);
    // Nothing is known of the cache but that nobody uses it: on a full disk that is enough.
    expect(await engine.images.makeRoom()).toMatchObject({ images: 2, caches: 1 });
    expect(await volumesWith(cache!.volume)).toEqual([]);

    expect(asked).toHaveLength(2);
    expect(troubles).toHaveLength(2);
    await engine.close();
  });

  it('that cannot tell what caches take loses those that were unused for longest, until as much is free as is asked for', async () => {
    const place = join(directory.path, 'silent');
    await mkdir(place);
    await using silent = await startAlteredEngine(second.socketPath, place, {
      refuse: (_, url) => (url.includes('/system/df') ? 'no answer' : undefined),
    });
    const made: MadeRoom[] = [];
    let volumes: readonly string[] = [];
    const engine = await connect(
      { socketPath: silent.address.replace('unix://', '') },
      {
        budgetBytes: 1e12,
        onTrouble: undefined,
        onMadeRoom: (one) => made.push(one),
        // Each of the caches takes a megabyte of a disk that has none free.
        freeBytes: async () => {
          const left = await Promise.all(volumes.map((name) => volumesWith(name)));
          return left.filter((found) => found.length === 0).length * MEGABYTE;
        },
      },
    );
    const { engineImageId } = await load(engine, 0);
    const take = async (task: string): Promise<string> => {
      const owner = { domain: 'demo', level: 1, engineImageId, task, run: 0 } as const;
      const wanted = [{ name: task, path: '/cache', perImage: false }];
      return (await engine.caches.take(wanted, owner, signal))[0]!.volume;
    };
    volumes = [await take('held'), await take('old'), await take('middle'), await take('new')];
    const [held, old, middle, fresh] = volumes as [string, string, string, string];
    for (const task of ['old', 'middle', 'new']) {
      await engine.caches.release({ task, run: 0 }, { purge: false });
      await delay(20);
    }

    // What the image takes is not given back on this disk.
    expect(await engine.images.makeRoom(1)).toMatchObject({ images: 1, caches: 1 });
    expect(await volumesWith(old)).toEqual([]);
    expect(await engine.images.makeRoom(MEGABYTE)).toMatchObject({ images: 0, caches: 1 });
    expect(await volumesWith(middle)).toEqual([]);
    expect(await volumesWith(fresh)).toHaveLength(2);
    expect(made.map(({ why }) => why)).toEqual(['for what comes', 'for what comes']);
    expect(await engine.images.makeRoom(10 * MEGABYTE)).toMatchObject({ caches: 1 });
    expect(await engine.images.makeRoom(10 * MEGABYTE)).toBeUndefined();
    expect(await volumesWith(held)).toHaveLength(2);
    await engine.caches.release({ task: 'held', run: 0 }, { purge: true });
    await engine.close();
  });

  it('loses the hold of a worker that was killed once the image is used an hour later', async () => {
    const engine = await connect(second, { budgetBytes: 1e12 });
    const { engineImageId } = await load(engine, 0);
    const ago = (minutes: number): string => `${Math.floor(Date.now() / 1000) - 60 * minutes}-killed`;
    for (const tag of [ago(61), ago(50)])
      await second.docker.getImage(engineImageId).tag({ repo: 'slipway.invalid/held', tag });
    const holds = async (): Promise<readonly string[]> => {
      const { RepoTags } = await second.docker.getImage(engineImageId).inspect();
      return (RepoTags ?? []).filter((name) => name.startsWith('slipway.invalid/held'));
    };
    expect(await holds()).toHaveLength(2);

    await load(engine, 0);

    expect(await holds()).toEqual([expect.stringMatching(/-killed$/)]);
    const room = new EngineRoom(second.docker, { isPrivate: false, budgetBytes: 0 });
    expect(await room.empty()).toBeUndefined();
    await engine.close();
  });

  it('that nobody else uses keeps its build cache at half of it', async () => {
    const engine = await connect(second, { budgetBytes: 10 * MEGABYTE, isPrivate: true });
    const room = new EngineRoom(second.docker, { isPrivate: true });
    for (let made = 0; made < 6; made += 1) {
      const tag = `slipway.invalid/build:${made}`;
      const context = contextOf({
        Dockerfile: 'FROM scratch\nCOPY bulk /bulk\n',
        bulk: noise(2 * MEGABYTE).toString('hex'),
      });
      await engine.images.build(context, {
        imageName: 'bulk',
        tag,
        args: {},
        signal,
        onOutput: () => undefined,
      });
      await engine.images.remove(tag);
    }
    const { cacheBytes } = await room.taken();
    expect(cacheBytes).toBeGreaterThan(0);
    expect(cacheBytes).toBeLessThanOrEqual(10 * MEGABYTE);
    await engine.close();
  });
});

describe('an engine whose disk is full of images', () => {
  it.each(['foreseen', 'found out'])('%s: makes room and loads', async (how) => {
    await using disk = await mountSmallDisk(`${Math.ceil(12 + (3.5 * imageBytes) / 1024 ** 2)}m`);
    await using small = await startSecondEngine({ dataRoot: disk.path });
    const made: MadeRoom[] = [];
    const engine = await connect(small, {
      budgetBytes: 1e12,
      onMadeRoom: (one) => made.push(one),
      ...(how === 'foreseen' ? { freeBytes: () => freeOn(disk.path) } : {}),
    });
    for (let round = 0; round < 2; round += 1)
      for (const at of stored.keys())
        expect(await engine.images.load(stored[at]!, { tag: `number-${at}`, signal })).toMatchObject({
          engineImageId: expect.any(String),
        });
    expect(new Set(made.map(({ why }) => why))).toEqual(
      new Set([how === 'foreseen' ? 'for what comes' : 'the disk is full']),
    );
    await engine.close();
  });
});

async function freeOn(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
