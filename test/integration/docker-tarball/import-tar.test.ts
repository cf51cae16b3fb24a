import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pack } from 'tar-stream';
import type { Header } from 'tar-stream';
import { readClosure } from '../../../docker/endpoint/closure.ts';
import { MEDIA_TYPES } from '../../../docker/endpoint/manifest.ts';
import { streamImageTar } from '../../../docker/tarball/image-tar.ts';
import { importImageTar } from '../../../docker/transport/import-tar.ts';
import type { ImportedTar } from '../../../docker/transport/import-tar.ts';
import { describeStoredImage } from '../../../docker/transport/stored-image.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { anImage, putImage, tarOf } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';

let directory: string;
let blobs: DirectoryBlobs;
let image: MadeImage;
let tars: Buffer[];
const signal = new AbortController().signal;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-import-'));
  blobs = await DirectoryBlobs.create(directory);
  // One layer larger than what is kept in memory, one smaller.
  image = await anImage({ contents: [Buffer.alloc(4_300_000, 'large'), Buffer.from('small')] });
  tars = image.layers.map((layer) => gunzipSync(layer));
});

afterEach(() => rm(directory, { recursive: true }));

type Part = readonly [header: string | (Partial<Header> & Pick<Header, 'name'>), content?: Buffer | string];

const archive = async (parts: readonly Part[]): Promise<Buffer> => {
  const tar = pack();
  for (const [header, content = ''] of parts)
    tar.entry(typeof header === 'string' ? { name: header } : header, content);
  tar.finalize();
  return Buffer.concat(await Readable.from(tar).toArray());
};

/** What a classic engine saves: a directory for each layer, the manifest at the end. */
const legacy = (
  changes: { readonly manifest?: unknown; readonly extra?: readonly Part[] } = {},
): Promise<Buffer> =>
  archive([
    [{ name: 'a/', type: 'directory' }],
    ['a/VERSION', '1.0'],
    ['a/json', '{}'],
    ['a/layer.tar', tars[0]],
    ['b/layer.tar', tars[1]],
    ['config.json', image.config],
    ...(changes.extra ?? []),
    [
      'manifest.json',
      JSON.stringify(
        changes.manifest ?? [
          { Config: 'config.json', RepoTags: ['x:1'], Layers: ['a/layer.tar', 'b/layer.tar'] },
        ],
      ),
    ],
  ]);

const take = (tar: Buffer): Promise<ImportedTar> => importImageTar(blobs, Readable.from([tar]), { signal });

describe('importImageTar', () => {
  it('makes the blobs of what a classic engine saves, layers compressed', async () => {
    const { stored, bytesWritten } = await take(await legacy());
    expect(stored).toMatchObject({ configDigest: image.stored.configDigest, diffIds: image.stored.diffIds });
    expect(await describeStoredImage(blobs, stored.manifestDigest as Digest)).toEqual(stored);
    expect(bytesWritten).toBe(stored.sizeBytes);
    const closure = await readClosure(blobs, stored.manifestDigest as Digest);
    expect(closure.image.layers.map((layer) => layer.mediaType)).toEqual([
      MEDIA_TYPES.ociLayerGzip,
      MEDIA_TYPES.ociLayerGzip,
    ]);
  });

  it('writes nothing when the same tar comes again', async () => {
    const first = await take(await legacy());
    const second = await take(await legacy());
    expect(second).toEqual({ stored: first.stored, bytesWritten: 0 });
  });

  it('takes its own view of a stored image back', async () => {
    await putImage(blobs, image);
    const view = streamImageTar(blobs, image.stored, { names: ['x:1'], signal });
    const { stored } = await importImageTar(blobs, view, { signal });
    expect(stored).toMatchObject({ configDigest: image.stored.configDigest, diffIds: image.stored.diffIds });
  });

  it.each([
    ['gzip', gzipSync, MEDIA_TYPES.ociLayerGzip],
    ['zstd', zstdCompressSync, `${MEDIA_TYPES.ociLayer}+zstd`],
  ])('keeps layers that are %s already as they are', async (_name, compress, mediaType) => {
    const noisy = await anImage({ contents: [randomBytes(4_300_000), Buffer.from('small')] });
    const layers = noisy.layers.map((layer) => compress(gunzipSync(layer)));
    const tar = await archive([
      ['one', layers[0]],
      ['two', layers[1]],
      ['config', noisy.config],
      ['manifest.json', JSON.stringify([{ Config: 'config', Layers: ['one', 'two'] }])],
    ]);
    const { stored } = await take(tar);
    const closure = await readClosure(blobs, stored.manifestDigest as Digest);
    expect(closure.image.layers.map((layer) => [layer.mediaType, layer.size])).toEqual(
      layers.map((layer) => [mediaType, layer.length]),
    );
    expect(stored.diffIds).toEqual(noisy.stored.diffIds);
  });

  it('follows the link by which a classic engine saves a layer that is there twice', async () => {
    const twice = await anImage({ contents: [randomBytes(100)], repeatLayers: true });
    const tar = await archive([
      ['a/layer.tar', gunzipSync(twice.layers[0]!)],
      [{ name: 'b/layer.tar', type: 'symlink', linkname: '../a/layer.tar' }],
      ['config.json', twice.config],
      ['manifest.json', JSON.stringify([{ Config: 'config.json', Layers: ['a/layer.tar', 'b/layer.tar'] }])],
    ]);
    expect((await take(tar)).stored.diffIds).toEqual(twice.stored.diffIds);
  });

  it('refuses a config that names other layers', async () => {
    const manifest = [{ Config: 'config.json', Layers: ['b/layer.tar', 'a/layer.tar'] }];
    await expect(take(await legacy({ manifest }))).rejects.toMatchObject({ type: 'DigestMismatch' });
  });

  it.each<[string, Part]>([
    ['a path that climbs out', ['../../etc/passwd', 'x']],
    ['a path that climbs out in its middle', ['a/../../x', 'x']],
    ['an absolute path', ['/etc/passwd', 'x']],
    ['a link that leads out', [{ name: 'l', type: 'symlink', linkname: '../../etc/passwd' }]],
    ['an absolute link', [{ name: 'l', type: 'symlink', linkname: '/etc/passwd' }]],
    ['a hard link that leads out', [{ name: 'l', type: 'link', linkname: '../x' }]],
    ['a device', [{ name: 'd', type: 'character-device', devmajor: 1, devminor: 3 }]],
    ['a pipe', [{ name: 'p', type: 'fifo' }]],
    ['a path twice', ['config.json', '{}']],
  ])('refuses a tar with %s', async (_what, part) => {
    await expect(take(await legacy({ extra: [part] }))).rejects.toThrow(TypeError);
  });

  it.each<[string, unknown]>([
    ['two images', [1, 2].map(() => ({ Config: 'config.json', Layers: [] }))],
    ['no image', []],
    ['a layer that is absent', [{ Config: 'config.json', Layers: ['c/layer.tar'] }]],
    ['a layer outside', [{ Config: 'config.json', Layers: ['../../x'] }]],
    ['a config that is absent', [{ Config: 'x.json', Layers: [] }]],
    ['a config that is a layer', [{ Config: 'a/layer.tar', Layers: [] }]],
    ['a config that is none', [{ Config: 'a/json', Layers: [] }]],
    ['another shape', { Config: 'config.json' }],
  ])('refuses a manifest.json with %s', async (_what, manifest) => {
    await expect(take(await legacy({ manifest }))).rejects.toThrow(TypeError);
  });

  it('refuses a tar that breaks off', async () => {
    const tar = await legacy();
    for (const length of [300, 1_000_000, tar.length - 2000])
      await expect(take(tar.subarray(0, length))).rejects.toThrow();
    const cut = Readable.from(
      (async function* () {
        yield tar.subarray(0, 1_000_000);
        await Promise.reject(new Error('connection lost'));
      })(),
    );
    await expect(importImageTar(blobs, cut, { signal })).rejects.toThrow('connection lost');
  });

  it('refuses a layer that says it is gzip and is not', async () => {
    const tar = await archive([
      ['one', Buffer.concat([Buffer.from([0x1f, 0x8b]), randomBytes(5_000_000)])],
      ['config', image.config],
      ['manifest.json', JSON.stringify([{ Config: 'config', Layers: ['one'] }])],
    ]);
    await expect(take(tar)).rejects.toThrow();
  });

  it('refuses what is no tar, and an empty one', async () => {
    await expect(take(randomBytes(10_000))).rejects.toThrow();
    await expect(take(Buffer.alloc(0))).rejects.toThrow(/manifest\.json/);
    await expect(take(await tarOf({ x: '1' }))).rejects.toThrow(/manifest\.json/);
  });
});
