import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { digestOf, readClosure } from '../../../docker/endpoint/closure.ts';
import { MEDIA_TYPES } from '../../../docker/endpoint/manifest.ts';
import { streamImageTar } from '../../../docker/tarball/image-tar.ts';
import { compressInParallel } from '../../../docker/transport/compress-in-parallel.ts';
import { importImagesOfTar, importImageTar } from '../../../docker/transport/import-tar.ts';
import type { ImportedTar } from '../../../docker/transport/import-tar.ts';
import { LayerNotKnown } from '../../../docker/transport/known-layers.ts';
import { describeStoredImage, readStoredImage } from '../../../docker/transport/stored-image.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import { archive, ociLayout, savedByClassic, savedLongAgo } from '../../helpers/archives.ts';
import type { Part } from '../../helpers/archives.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { anImage, put, putImage } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';

jest.setTimeout(60_000);

let directory: string;
let blobs: DirectoryBlobs;
let image: MadeImage;
const signal = new AbortController().signal;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-import-'));
  blobs = await DirectoryBlobs.create(directory);
  // One layer larger than what is kept in memory, one smaller.
  image = await anImage({ contents: [Buffer.alloc(9_300_000, 'large'), Buffer.from('small')] });
});

afterEach(() => rm(directory, { recursive: true }));

const legacy = (): Promise<Buffer> => savedByClassic(image);

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
    expect(second).toEqual({ ...first, bytesWritten: 0 });
  });

  it('takes its own view of a stored image back', async () => {
    await putImage(blobs, image);
    const view = (): Readable => streamImageTar(blobs, image.stored, { names: ['x:1'], signal });
    const compressed = Readable.from(compressInParallel(view(), 'zstd'), { objectMode: false });
    for (const tar of [view(), compressed]) {
      const { stored } = await importImageTar(blobs, tar, { signal });
      const { configDigest, diffIds } = image.stored;
      expect(stored).toMatchObject({ configDigest, diffIds });
    }
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

  describe.each<[string, (tar: Buffer) => Buffer]>([
    ['plain', (tar) => tar],
    ['gzip', (tar) => gzipSync(tar)],
    ['zstd', (tar) => zstdCompressSync(tar)],
  ])('of a %s tar', (_name, compress) => {
    it.each<[string, () => Promise<Buffer>]>([
      ['what a classic engine saves', () => savedByClassic(image)],
      ['what engines saved before there was a manifest', () => savedLongAgo(image)],
      ['an OCI layout', () => ociLayout([image])],
      [
        'an OCI layout with an SBOM beside the image that is larger than any document',
        () => {
          const sbom = Buffer.from(JSON.stringify({ predicate: 'x'.repeat(5_000_000) }));
          return ociLayout([image], { extra: [[`blobs/sha256/${digestOf(sbom).slice(7)}`, sbom]] });
        },
      ],
      [
        'an OCI layout whose index names an index, with an attestation',
        async () => {
          const inner = { mediaType: MEDIA_TYPES.ociManifest, size: image.manifest.length };
          const index = Buffer.from(
            JSON.stringify({
              schemaVersion: 2,
              manifests: [
                {
                  ...inner,
                  digest: image.stored.manifestDigest,
                  platform: { os: 'linux', architecture: 'amd64' },
                },
                {
                  ...inner,
                  digest: digestOf(Buffer.from('arm')),
                  platform: { os: 'linux', architecture: 'arm64' },
                },
                {
                  ...inner,
                  digest: digestOf(Buffer.from('x')),
                  platform: { os: 'unknown', architecture: 'unknown' },
                },
              ],
            }),
          );
          const digest = digestOf(index);
          return ociLayout([image], {
            index: () => [{ mediaType: MEDIA_TYPES.ociIndex, digest, size: index.length }],
            extra: [[`blobs/sha256/${digest.slice(7)}`, index]],
          });
        },
      ],
    ])('makes an image of %s', async (_what, make) => {
      const { stored } = await take(compress(await make()));
      expect(stored.diffIds).toEqual(image.stored.diffIds);
      expect(await describeStoredImage(blobs, stored.manifestDigest as Digest)).toEqual(stored);
    });
  });

  describe('of small layers that are together more than is kept in memory', () => {
    const compressions: readonly [string, (tar: Buffer) => Buffer][] = [
      ['plain', (tar) => tar],
      ['gzip', (tar) => gzipSync(tar, { level: 1 })],
      ['zstd', (tar) => zstdCompressSync(tar)],
    ];

    it.each(compressions)('takes %s ones of any number', async (_name, compress) => {
      const contents = Array.from({ length: 20 }, () => randomBytes(3_500_000));
      const many = await anImage({ contents, compress });
      const layers = many.layers.map((layer, at): Part => [`layer-${at}`, layer]);
      const manifest = [{ Config: 'config', Layers: layers.map(([path]) => path) }];
      const tar = await archive([
        ...layers,
        ['config', many.config],
        ['manifest.json', JSON.stringify(manifest)],
      ]);
      const told: string[] = [];
      const onLayer = ({ diffId }: { diffId: string }): Promise<void> => {
        told.push(diffId);
        return Promise.resolve();
      };

      const { stored } = await importImageTar(blobs, Readable.from([tar]), { signal, onLayer });

      expect(stored).toMatchObject({
        configDigest: many.stored.configDigest,
        diffIds: many.stored.diffIds,
      });
      expect(told.sort()).toEqual([...many.stored.diffIds].sort());
    });

    it('takes those of an OCI layout, in whose order layers and documents are mixed', async () => {
      const contents = Array.from({ length: 20 }, () => randomBytes(3_500_000));
      const many = await anImage({ contents, compress: (tar) => zstdCompressSync(tar) });
      expect((await take(await ociLayout([many]))).stored.diffIds).toEqual(many.stored.diffIds);
    });
  });

  it('stores no layer again that an OCI layout calls by its digest', async () => {
    await putImage(blobs, image);
    const { bytesWritten, stored } = await take(await ociLayout([image]));
    expect(bytesWritten).toBeLessThan(2000);
    const closure = await readClosure(blobs, stored.manifestDigest as Digest);
    expect(closure.image.layers.map(({ digest }) => digest)).toEqual(image.layers.map(digestOf));
  });

  it('stores no layer again that is called by what it unpacks to, where a blob of it is known; a wrong hint or name is found out', async () => {
    const packed = await anImage({ compress: (tar) => zstdCompressSync(tar) });
    await putImage(blobs, packed);
    const plain = packed.layers.map((layer) => zstdDecompressSync(layer));
    const hexOf = (diffId: string): string => diffId.replace('sha256:', '');
    const named = (paths: readonly string[]): Promise<Buffer> =>
      archive([
        ...plain.map((layer, at): Part => [paths[at] ?? '', layer]),
        ['config', packed.config],
        ['manifest.json', JSON.stringify([{ Config: 'config', Layers: paths }])],
      ]);
    const { diffIds } = packed.stored;
    const digests = new Map(diffIds.map((diffId, at) => [diffId, digestOf(packed.layers[at]!)]));
    const findLayers = (diffId: Digest): Promise<readonly string[]> =>
      Promise.resolve([digests.get(diffId) ?? '']);
    const take = (tar: Buffer): ReturnType<typeof importImageTar> =>
      importImageTar(blobs, Readable.from([tar]), { signal, findLayers });

    const { stored, bytesWritten } = await take(await named(diffIds.map((id) => `${hexOf(id)}.tar`)));

    expect(stored.diffIds).toEqual(diffIds);
    const { layers } = await readStoredImage(blobs, stored.manifestDigest as Digest);
    expect(layers.map(({ digest }) => digest)).toEqual(packed.layers.map(digestOf));
    expect(bytesWritten).toBeLessThan(2000);
    const swapped = await named([...diffIds].reverse().map((id) => `${hexOf(id)}.tar`));
    expect((await take(swapped)).stored.diffIds).toEqual(diffIds);
  });

  it('takes no blob for a layer by a hint that goes on behind its end', async () => {
    const plain = gunzipSync(image.layers[1]!);
    const long = Buffer.concat([image.layers[1]!, Buffer.alloc(100)]);
    const hinted = await put(blobs, long);
    const config = JSON.parse(image.config.toString()) as { rootfs: { diff_ids: string[] } };
    config.rootfs.diff_ids.shift();
    const path = `${digestOf(plain).slice(7)}.tar`;
    const tar = await archive([
      [path, plain],
      ['config', JSON.stringify(config)],
      ['manifest.json', JSON.stringify([{ Config: 'config', Layers: [path] }])],
    ]);
    const findLayers = (): Promise<readonly string[]> => Promise.resolve([hinted]);

    const { stored } = await importImageTar(blobs, Readable.from([tar]), { signal, findLayers });

    const { layers } = await readStoredImage(blobs, stored.manifestDigest as Digest);
    expect(layers.map(({ diffId }) => diffId)).toEqual([digestOf(plain)]);
    expect(layers[0]?.digest).not.toBe(hinted);
  });

  it('takes configs as tools write them, with what Go leaves out or calls null', async () => {
    const rootfs = { type: 'layers', diff_ids: image.stored.diffIds };
    const docker = {
      ...{ architecture: 'amd64', os: 'linux', created: '2026-01-01T00:00:00.123456789Z', author: '' },
      config: {
        ...{ Hostname: '', Domainname: '', User: '', AttachStdin: false, Tty: false, OpenStdin: false },
        ...{ Env: ['PATH=/bin'], Cmd: null, Entrypoint: ['/file-0'], Image: 'sha256:1', Volumes: null },
        ...{ WorkingDir: '/', OnBuild: null, Labels: null, ExposedPorts: { '80/tcp': {} } },
        ...{ Healthcheck: { Test: ['CMD', 'true'], Interval: 30_000_000_000 }, StopSignal: 'SIGTERM' },
      },
      container_config: { Cmd: ['/bin/sh', '-c', '#(nop) '], Labels: {} },
      ...{
        docker_version: '20.10.24',
        history: [{ created: '0001-01-01T00:00:00+01:00', empty_layer: true }],
      },
      ...{ rootfs, 'moby.buildkit.cache.v0': 'e30=', variant: 'v1' },
    };
    for (const config of [docker, { rootfs }, { rootfs, config: null, history: null, os: null }]) {
      const { stored } = await take(await savedByClassic(image, { config: JSON.stringify(config) }));
      expect(stored.diffIds).toEqual(image.stored.diffIds);
    }
  });

  it('takes the one of several images that is named, and names them when none is', async () => {
    const other = await anImage();
    const tar = await ociLayout([image, other]);
    const second = await importImageTar(blobs, Readable.from([tar]), { signal, name: 'image:1' });
    expect(second.stored.configDigest).toBe(other.stored.configDigest);
    await expect(take(tar)).rejects.toThrow(/2 images, and none of them is named: image:0; image:1/);
    const absent = importImageTar(blobs, Readable.from([tar]), { signal, name: 'image:2' });
    await expect(absent).rejects.toThrow(/no image named image:2, but: image:0; image:1/);
  });

  it('takes each of several images that has a name of its own, layers that they share once', async () => {
    const other = await anImage();
    const layer = gunzipSync(other.layers[0]!);
    const Layers = ['a/layer.tar', 'b/layer.tar'];
    const config = JSON.stringify({ rootfs: { type: 'layers', diff_ids: image.stored.diffIds } });
    const manifest = [
      { Config: 'config.json', RepoTags: ['localhost/x:1', 'x:1', 'twice'], Layers },
      { Config: 'other.json', RepoTags: ['other', 'twice:latest'], Layers },
      { Config: 'third.json', RepoTags: ['twice'], Layers: ['c/layer.tar'] },
      { Config: 'fourth.json', Layers: ['c/layer.tar'] },
    ];
    const tar = await savedByClassic(image, {
      manifest,
      extra: [
        ['other.json', config],
        ['c/layer.tar', layer],
      ],
    });
    const alone = await take(await legacy());

    const { images, count, bytesWritten } = await importImagesOfTar(blobs, Readable.from([tar]), { signal });

    expect(images.map(({ names }) => names)).toEqual([['x:1'], ['other:latest']]);
    expect(images.map(({ stored }) => stored.configDigest)).toEqual([
      image.stored.configDigest,
      digestOf(Buffer.from(config)),
    ]);
    expect(images[0]?.stored).toEqual(alone.stored);
    expect([count, bytesWritten < 2000]).toEqual([4, true]);
    for (const { stored } of images)
      expect(await describeStoredImage(blobs, stored.manifestDigest as Digest)).toEqual(stored);
  });

  it.each([
    ['x:1', 'x:1'],
    ['docker.io/library/x:latest', 'x'],
    ['localhost/x:1', 'x:1'],
  ])('finds %s when %s is asked for', async (written, name) => {
    const manifest = [
      { Config: 'config.json', RepoTags: [written], Layers: ['a/layer.tar', 'b/layer.tar'] },
      { Config: 'other.json', RepoTags: ['other:1'], Layers: [] },
    ];
    const tar = await savedByClassic(image, { manifest });
    const { stored } = await importImageTar(blobs, Readable.from([tar]), { signal, name });
    expect(stored.configDigest).toBe(image.stored.configDigest);
  });

  it('stores a layer that is known by what it unpacks to without a second blob', async () => {
    await putImage(blobs, image);
    const [first] = image.stored.diffIds;
    const known = new Map([
      [
        first as Digest,
        {
          digest: digestOf(image.layers[0]!),
          sizeBytes: image.layers[0]!.length,
          mediaType: MEDIA_TYPES.ociLayerGzip,
          unpackedBytes: gunzipSync(image.layers[0]!).length,
        },
      ],
    ]);
    const tar = await legacy();
    const { stored } = await importImageTar(blobs, Readable.from([tar]), { signal, known });
    const closure = await readClosure(blobs, stored.manifestDigest as Digest);
    expect(closure.image.layers[0]!.digest).toBe(digestOf(image.layers[0]!));
    expect(stored.diffIds).toEqual(image.stored.diffIds);
  });

  it('says so when a layer has the size of a known one and is another', async () => {
    const unpackedBytes = gunzipSync(image.layers[0]!).length;
    const digest = digestOf(Buffer.from('other'));
    const known = new Map([
      [digest, { digest, sizeBytes: 5, mediaType: MEDIA_TYPES.ociLayerGzip, unpackedBytes }],
    ]);
    const taken = importImageTar(blobs, Readable.from([await legacy()]), { signal, known });
    await expect(taken).rejects.toBeInstanceOf(LayerNotKnown);
  });
});
