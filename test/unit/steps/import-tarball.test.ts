import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pushId as pushIdOf, taskIdIn } from '../../../model/pure/ids.ts';
import type { Level } from '../../../model/pure/ids.ts';
import type { TarballImport } from '../../../steps/import-tarball.ts';
import { importTarball } from '../../../steps/import-tarball.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { archive, ociLayout, savedByClassic } from '../../helpers/archives.ts';
import type { ArchiveChanges } from '../../helpers/archives.ts';
import { digestOf, sha256 } from '../../helpers/bytes.ts';
import { withoutReads } from '../../helpers/lower-keys.ts';
import { aPushInput } from '../../helpers/push-input.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';

jest.setTimeout(60_000);

const PATH = 'public/image.tar';
const taskId = taskIdIn(pushIdOf(aPushInput()), 'make');

let objects: ObjectStore;
let store: Store;
let image: MadeImage;
let runs: number;
beforeAll(async () => {
  // One layer is stored as it comes, the other when all has come.
  image = await anImage({ contents: [randomBytes(4_300_000), randomBytes(1000)] });
});
beforeEach(() => {
  objects = createMemoryObjectStore();
  store = createStore(objects);
  runs = 0;
});

const keys = async (prefix: string): Promise<readonly string[]> => {
  const found: string[] = [];
  for await (const { key } of objects.list(prefix)) found.push(key);
  return found.sort();
};

/** Imports a tarball that a run of a task has left, with these keys. */
async function take(
  tar: Buffer,
  {
    level = 1,
    keys = store,
    platform = 'linux/amd64',
  }: { level?: Level; keys?: Store; platform?: string } = {},
): Promise<TarballImport> {
  const run = runs++;
  const body = Readable.from([tar], { objectMode: false });
  await store.artifacts.write(taskId, run, PATH, body, { contentType: 'application/x-tar' });
  const place = { domain: 'demo', level, platform };
  const context = { signal: new AbortController().signal, onProgress: () => undefined };
  return importTarball(keys, { taskId, run, path: PATH, sha256: sha256(tar) }, place, context);
}

const saved = (changes: ArchiveChanges): Promise<Buffer> => savedByClassic(image, changes);
const manifest = (Layers: readonly string[]): object[] => [{ Config: 'config.json', RepoTags: [], Layers }];

const HOSTILE: readonly (readonly [string, () => Promise<Buffer>, RegExp])[] = [
  [
    'a path that climbs out',
    () => saved({ extra: [['../x', 'x']] }),
    /a path leads out of the tar: "\.\.\/x"/,
  ],
  [
    'an absolute path',
    () => saved({ extra: [['/etc/passwd', 'x']] }),
    /a path leads out of the tar: "\/etc\/passwd"/,
  ],
  [
    'a link that leads out',
    () => saved({ extra: [[{ name: 'l', type: 'symlink', linkname: '/etc/passwd' }]] }),
    /a path leads out of the tar: "\/etc\/passwd"/,
  ],
  [
    'a device',
    () => saved({ extra: [[{ name: 'd', type: 'block-device', devmajor: 8, devminor: 0 }]] }),
    /it has a block-device at d/,
  ],
  ['a path twice', () => saved({ extra: [['config.json', '{}']] }), /it has config\.json twice/],
  [
    'its layers out of order',
    () => saved({ manifest: manifest(['b/layer.tar', 'a/layer.tar']) }),
    /its config names other layers than it holds: /,
  ],
  [
    'a layer that is absent',
    () => saved({ manifest: manifest(['a/layer.tar', 'c/layer.tar']) }),
    /it has no layer at c\/layer\.tar/,
  ],
  [
    'a layer that breaks off',
    async () => {
      const layer = gzipSync(gunzipSync(image.layers[0]!));
      return archive([
        ['one', layer.subarray(0, layer.length - 100)],
        ['config', image.config],
        ['manifest.json', JSON.stringify([{ Config: 'config', Layers: ['one'] }])],
      ]);
    },
    /layer one is damaged or breaks off: unexpected end of file/,
  ],
];

describe('a tarball that these keys may not read', () => {
  const refused = (): Store => createStore(withoutReads(objects, 'level-1/tasks/'));

  it('is of another level, which shared no image of it: that does not pass', async () => {
    // The task is of level 1; which of two levels is the higher one is the same to an import.
    await expect(take(await saved({}), { level: 2, keys: refused() })).rejects.toMatchObject({
      type: 'ImageUnavailable',
      retryable: false,
      message: `Image "${PATH} of ${taskId}" cannot be used: it is of level 1, which has not shared this image`,
    });
  });

  it('is of their own level, where keys or policy are wrong: that is the store’s trouble', async () => {
    await expect(take(await saved({}), { keys: refused() })).rejects.toMatchObject({
      type: 'StoreUnavailable',
      retryable: true,
    });
  });
});

describe('a tarball that runners of two platforms import', () => {
  const PLATFORMS = ['linux/amd64', 'linux/arm64'];

  it('gives each its own image, also at once, and is read no more when they come again', async () => {
    const images = await Promise.all([anImage(), anImage({ architecture: 'arm64' })]);
    const architectures = ['amd64', 'arm64'];
    const tar = await ociLayout(images, {
      index: (descriptor) => ({
        ...descriptor,
        annotations: {},
        platform: { os: 'linux', architecture: architectures.shift() },
      }),
    });

    const first = await Promise.all(PLATFORMS.map((platform) => take(tar, { platform })));
    const again = await Promise.all(PLATFORMS.map((platform) => take(tar, { platform })));

    const wanted = images.map(({ stored }) => stored.configDigest);
    expect(first.map(({ stored }) => stored.configDigest)).toEqual(wanted);
    expect(again.map(({ stored }) => stored.configDigest)).toEqual(wanted);
    expect(again.map(({ bytesWritten }) => bytesWritten)).toEqual([undefined, undefined]);
  });

  it('is read once for both where it has one image', async () => {
    const tar = await saved({});

    await take(tar);
    const other = await take(tar, { platform: 'linux/arm64' });

    expect(other.stored.configDigest).toBe(image.stored.configDigest);
    expect(other.bytesWritten).toBeUndefined();
    expect(await keys('level-1/index/')).toHaveLength(1);
  });

  it('is known to both by a record that tells of no platform, as they were once', async () => {
    const tar = await saved({});
    const { stored } = await putImage(store.blobs, image);
    await store.tarballs.record('demo', 1, {
      ...{ version: 1, ...stored, sha256: sha256(tar), imported: new Date().toISOString() },
    });

    for (const platform of PLATFORMS) expect(await take(tar, { platform })).toEqual({ stored });
  });
});

describe('a hostile tarball of a task', () => {
  it.each(HOSTILE)(
    'with %s is refused, and of it nothing is an image for anybody',
    async (_what, make, why) => {
      await expect(take(await make())).rejects.toMatchObject({
        type: 'ImageUnavailable',
        retryable: false,
        message: expect.stringMatching(
          new RegExp(
            `^Image "${PATH} of ${taskId}" cannot be used: The image tar cannot be read: ${why.source}`,
          ),
        ) as unknown as string,
      });

      expect(await keys('level-1/index/')).toEqual([]);
      expect(await keys('uploads/')).toEqual([]);
      // Layers that had come are what they are called, and no document is there that names them.
      for (const key of await keys('blobs/sha256/')) {
        const chunks = await (await store.blobs.read(`sha256:${key.split('/')[2] ?? ''}`)).toArray();
        const bytes = Buffer.concat(chunks as Buffer[]);
        expect(digestOf(bytes)).toBe(`sha256:${key.split('/')[2] ?? ''}`);
        expect(bytes.subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
      }
    },
  );

  it('poisons nothing: whoever shares layers with it gets the image that is meant', async () => {
    for (const [, make] of HOSTILE) await take(await make()).catch(() => undefined);

    const { stored } = await take(await saved({}));

    const { configDigest, diffIds } = image.stored;
    expect(stored).toMatchObject({ configDigest, diffIds });
    // What is noted of layers leads to bytes that unpack to them.
    for (const [at, diffId] of diffIds.entries())
      for (const digest of await store.index.findLayers('demo', 1, diffId)) {
        const chunks = await (await store.blobs.read(digest as `sha256:${string}`)).toArray();
        const plain = gunzipSync(Buffer.concat(chunks as Buffer[]));
        expect(plain.equals(gunzipSync(image.layers[at]!))).toBe(true);
      }
    expect(await keys('level-1/index/')).toHaveLength(1);
  });
});
