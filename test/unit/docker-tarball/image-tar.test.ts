import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { digestOf } from '../../../docker/endpoint/closure.ts';
import { MEDIA_TYPES } from '../../../docker/endpoint/manifest.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import { streamImageTar } from '../../../docker/tarball/image-tar.ts';
import { compressInParallel } from '../../../docker/transport/compress-in-parallel.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { anImage, put, putImage } from '../../helpers/stored-images.ts';
import { filesOf } from '../../helpers/tar-files.ts';

jest.setTimeout(60_000);

let directory: string;
let blobs: DirectoryBlobs;
const signal = new AbortController().signal;
/** A change of these bytes changes the tarball of every image that there is: a decision, not an accident. */
const GOLDEN = 'dab851f5d18458809b9ffacc1a08242a3b044883e5af45b220d57c0860392ebb';

const names = ['lint:latest'];
const contents = [Buffer.alloc(70_000, 'a'), Buffer.alloc(10, 'b')];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-tar-'));
  blobs = await DirectoryBlobs.create(directory);
});

afterEach(() => rm(directory, { recursive: true }));

const tarOfImage = async (options: Parameters<typeof anImage>[0]): Promise<Buffer> => {
  const { stored } = await putImage(blobs, await anImage({ contents, ...options }));
  return Buffer.concat(await streamImageTar(blobs, stored, { names, signal }).toArray());
};

describe('streamImageTar', () => {
  it('gives one byte sequence whatever the compression of the blobs', async () => {
    const hashes = [
      await tarOfImage({ compress: (tar) => gzipSync(tar, { level: 1 }) }),
      await tarOfImage({ compress: (tar) => gzipSync(tar, { level: 9 }) }),
      await tarOfImage({
        compress: (tar) => zstdCompressSync(tar),
        mediaType: `${MEDIA_TYPES.ociLayer}+zstd`,
      }),
      await tarOfImage({ compress: (tar) => tar, mediaType: MEDIA_TYPES.ociLayer }),
      // Two gzip members one after the other are one gzip file; the size in its trailer is that of the second.
      await tarOfImage({
        compress: (tar) => Buffer.concat([gzipSync(tar.subarray(0, 999)), gzipSync(tar.subarray(999))]),
      }),
      await tarOfImage({ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' }),
      // As a classic engine calls a layer that it got plain.
      await tarOfImage({
        compress: (tar) => tar,
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      }),
    ].map((tar) => createHash('sha256').update(tar).digest('hex'));
    expect(new Set(hashes)).toEqual(new Set([GOLDEN]));
  });

  it('names the same plain layers in manifest.json and in the OCI layout', async () => {
    const { stored, config } = await putImage(blobs, await anImage({ contents }));
    const tar = Buffer.concat(
      await streamImageTar(blobs, stored, { names: ['lint:latest', 'r.example/a/b:1'], signal }).toArray(),
    );
    const files = await filesOf(tar);
    const json = (path: string): unknown => JSON.parse(files.get(path)!.toString());
    const layerPaths = stored.diffIds.map((diffId) => `blobs/sha256/${diffId.slice(7)}`);
    const configPath = `blobs/sha256/${stored.configDigest.slice(7)}`;
    expect(json('manifest.json')).toEqual([
      { Config: configPath, RepoTags: ['lint:latest', 'r.example/a/b:1'], Layers: layerPaths },
    ]);
    expect(files.get(configPath)!.equals(config)).toBe(true);
    for (const [at, path] of layerPaths.entries())
      expect(digestOf(files.get(path)!)).toBe(stored.diffIds[at]);
    const index = json('index.json') as {
      manifests: { digest: string; annotations: Record<string, string> }[];
    };
    expect(index.manifests.map((entry) => entry.annotations)).toEqual([
      {
        'io.containerd.image.name': 'docker.io/library/lint:latest',
        'org.opencontainers.image.ref.name': 'latest',
      },
      { 'io.containerd.image.name': 'r.example/a/b:1', 'org.opencontainers.image.ref.name': '1' },
    ]);
    const manifest = json(`blobs/sha256/${index.manifests[0]!.digest.slice(7)}`);
    expect(manifest).toMatchObject({
      config: { digest: stored.configDigest, size: config.length },
      layers: stored.diffIds.map((digest, at) => ({
        mediaType: MEDIA_TYPES.ociLayer,
        digest,
        size: files.get(layerPaths[at]!)!.length,
      })),
    });
  });

  it('holds a layer once that the image has twice', async () => {
    const twice = await putImage(blobs, await anImage({ contents, repeatLayers: true }));
    const tar = Buffer.concat(await streamImageTar(blobs, twice.stored, { names, signal }).toArray());
    const files = await filesOf(tar);
    const [manifest] = JSON.parse(files.get('manifest.json')!.toString()) as { Layers: string[] }[];
    expect(manifest!.Layers).toHaveLength(4);
    expect(new Set(manifest!.Layers).size).toBe(2);
    expect(tar.length).toBeLessThan(2 * contents[0]!.length);
  });

  it('leaves out the layers that the reader has, and names them all the same', async () => {
    const { stored, layers } = await putImage(blobs, await anImage({ contents }));
    const [first, second] = stored.diffIds;
    const whole = await filesOf(
      Buffer.concat(await streamImageTar(blobs, stored, { names, signal }).toArray()),
    );
    const omit = new Set([first as Digest]);
    const rest = await filesOf(
      Buffer.concat(await streamImageTar(blobs, stored, { names, signal, omit }).toArray()),
    );
    expect([...rest.keys()]).not.toContain(`blobs/sha256/${first!.slice(7)}`);
    expect(rest.get('manifest.json')!.equals(whole.get('manifest.json')!)).toBe(true);
    // To the containerd store by the blob as it is stored: its size is known without reading it.
    const layersOf = (files: ReadonlyMap<string, Buffer>): unknown[] => {
      const index = JSON.parse(files.get('index.json')!.toString()) as { manifests: { digest: string }[] };
      const manifest = files.get(`blobs/sha256/${index.manifests[0]!.digest.slice(7)}`)!;
      return (JSON.parse(manifest.toString()) as { layers: unknown[] }).layers;
    };
    const { size, digest } = { size: layers[0]!.length, digest: digestOf(layers[0]!) };
    expect(layersOf(rest)).toEqual([
      { mediaType: MEDIA_TYPES.ociLayerGzip, digest, size },
      {
        mediaType: MEDIA_TYPES.ociLayer,
        digest: second,
        size: rest.get(`blobs/sha256/${second!.slice(7)}`)!.length,
      },
    ]);
    expect(layersOf(whole)[1]).toEqual(layersOf(rest)[1]);
  });

  it('reads each layer of the store once, also where it knows no size, and none that it leaves out', async () => {
    const compressions: Parameters<typeof anImage>[0][] = [
      {},
      { compress: (tar) => Buffer.concat([gzipSync(tar.subarray(0, 999)), gzipSync(tar.subarray(999))]) },
      { compress: (tar) => zstdCompressSync(tar), mediaType: `${MEDIA_TYPES.ociLayer}+zstd` },
      { compress: (tar) => tar, mediaType: MEDIA_TYPES.ociLayer },
    ];
    for (const how of compressions) {
      const fresh = [randomBytes(900_000), randomBytes(10), randomBytes(10)];
      const { stored, layers } = await putImage(blobs, await anImage({ ...how, contents: fresh }));
      const [, second, third] = layers.map(digestOf);
      const omit = new Set([stored.diffIds[0] as Digest]);
      await blobs.remove(digestOf(layers[0]!));
      // Whoever has seen the sizes reads it once, too.
      for (const _ of [1, 2]) {
        blobs.reads.length = 0;
        const tar = Buffer.concat(await streamImageTar(blobs, stored, { names, signal, omit }).toArray());
        expect([...(await filesOf(tar)).keys()]).toContain(`blobs/sha256/${stored.diffIds[2]!.slice(7)}`);
        expect(blobs.reads).toEqual([stored.manifestDigest, stored.configDigest, second, third]);
      }
    }
  });

  it('leaves nothing on the disk, not even while it is read', async () => {
    const image = await anImage({ contents: [randomBytes(3_000_000)] });
    const { stored } = await putImage(blobs, image);
    const scratch = await mkdtemp(join(tmpdir(), 'slipway-scratch-'));
    const tar = streamImageTar(blobs, stored, { names, signal, directory: scratch });
    const chunks = tar.iterator({ destroyOnReturn: false });
    await chunks.next();
    expect(blobs.reads).toContain(digestOf(image.layers[0]!));
    expect(await readdir(scratch)).toEqual([]);
    tar.destroy();
    await rm(scratch, { recursive: true });
  });

  it('reads a layer twice where the disk does not take it', async () => {
    const image = await anImage({ contents: [randomBytes(3_000_000)] });
    const { stored } = await putImage(blobs, image);
    const directory = join(tmpdir(), 'slipway-no-such-directory');
    const tar = Buffer.concat(await streamImageTar(blobs, stored, { names, signal, directory }).toArray());
    const layer = digestOf(image.layers[0]!);
    expect(blobs.reads.filter((digest) => digest === layer)).toEqual([layer, layer]);
    const again = await streamImageTar(blobs, stored, { names, signal, directory }).toArray();
    expect(Buffer.concat(again).equals(tar)).toBe(true);
  });

  it('fails when a layer does not unpack to what the config says', async () => {
    const image = await putImage(blobs, await anImage({ contents }));
    const other = await anImage({ contents: [Buffer.alloc(70_000, 'x')] });
    await writeFile(join(directory, digestOf(image.layers[0]!).slice(7)), other.layers[0]!);
    const tar = streamImageTar(blobs, image.stored, { names, signal });
    await expect(tar.toArray()).rejects.toMatchObject({ type: 'DigestMismatch' });
  });

  it('is right again when a layer is that was damaged', async () => {
    const image = await putImage(blobs, await anImage({ contents: [randomBytes(5_000)] }));
    const digest = digestOf(image.layers[0]!);
    const other = await anImage({ contents: [Buffer.alloc(70_000, 'x')] });
    await blobs.damage(digest, other.layers[0]!);
    const failing = streamImageTar(blobs, image.stored, { names, signal }).toArray();
    await expect(failing).rejects.toMatchObject({
      type: 'DigestMismatch',
      expected: image.stored.diffIds[0],
    });
    await blobs.damage(digest, image.layers[0]!);
    await expect(streamImageTar(blobs, image.stored, { names, signal }).toArray()).resolves.toBeDefined();
    // Nor is a size that was seen believed of what came in its place.
    await blobs.damage(digest, other.layers[0]!);
    const seen = streamImageTar(blobs, image.stored, { names, signal }).toArray();
    await expect(seen).rejects.toMatchObject({ type: 'DigestMismatch', expected: image.stored.diffIds[0] });
  });

  it.each([-512, 512])('fails when a manifest lies by %i bytes about a plain layer', async (lie) => {
    const image = await anImage({ contents, compress: (tar) => tar, mediaType: MEDIA_TYPES.ociLayer });
    await putImage(blobs, image);
    const manifest = JSON.parse(image.manifest.toString()) as { layers: { size: number }[] };
    manifest.layers[0]!.size += lie;
    const manifestDigest = await put(blobs, Buffer.from(JSON.stringify(manifest)));
    const said = manifest.layers[0]!.size;
    let passedBytes = 0;
    const passing = async (): Promise<void> => {
      for await (const chunk of streamImageTar(blobs, { manifestDigest }, { names, signal }))
        passedBytes += (chunk as Buffer).length;
    };
    await expect(passing()).rejects.toMatchObject({
      type: 'DigestMismatch',
      got: expect.stringContaining(`bytes instead of ${said}`),
    });
    // What were more than that would be taken for the next entry.
    expect(passedBytes).toBeLessThanOrEqual(512 + said);
  });

  it('fails when a blob has left the store or is no gzip', async () => {
    const image = await putImage(blobs, await anImage({ contents: [Buffer.from('1'), Buffer.from('2')] }));
    await writeFile(join(directory, digestOf(image.layers[1]!).slice(7)), 'no gzip');
    await expect(streamImageTar(blobs, image.stored, { names, signal }).toArray()).rejects.toThrow(
      'incorrect header',
    );
    await blobs.remove(digestOf(image.layers[1]!));
    await expect(streamImageTar(blobs, image.stored, { names, signal }).toArray()).rejects.toMatchObject({
      type: 'BlobNotFound',
    });
  });

  it('compressed, gives one byte sequence however it comes in, which unpacks to the tar', async () => {
    const tar = await tarOfImage({ contents: [randomBytes(9_000_000), Buffer.alloc(500_000, 'c')] });
    const compress = async (chunkBytes: number): Promise<Buffer> => {
      const chunks = Readable.from(
        Array.from({ length: Math.ceil(tar.length / chunkBytes) }, (_, at) =>
          tar.subarray(at * chunkBytes, (at + 1) * chunkBytes),
        ),
      );
      return Buffer.concat(await Readable.from(compressInParallel(chunks, 'zstd')).toArray());
    };
    const [one, ...others] = await Promise.all([tar.length, 65_536, 1_000_003, 9_999].map(compress));
    expect(zstdDecompressSync(one!).equals(tar)).toBe(true);
    expect(others.map((other) => other.equals(one!))).toEqual([true, true, true]);
  });

  it('stops reading the store when it is given up or aborted', async () => {
    const image = await putImage(
      blobs,
      await anImage({
        contents: [Buffer.alloc(5_000_000, 'z')],
        compress: (tar) => tar,
        mediaType: MEDIA_TYPES.ociLayer,
      }),
    );
    const bodies: { destroyed: boolean }[] = [];
    const read = blobs.read.bind(blobs);
    blobs.read = async (...args) => {
      const body = await read(...args);
      bodies.push(body);
      return body;
    };
    const givenUp = streamImageTar(blobs, image.stored, { names, signal });
    await givenUp.iterator({ destroyOnReturn: false }).next();
    const closed = new Promise((resolve) => givenUp.once('close', resolve));
    givenUp.destroy();
    await closed;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bodies.length).toBeGreaterThan(0);
    expect(bodies.every((body) => body.destroyed)).toBe(true);

    const abort = new AbortController();
    const aborted = streamImageTar(blobs, image.stored, { names, signal: abort.signal });
    await aborted.iterator({ destroyOnReturn: false }).next();
    abort.abort(new Error('cancelled'));
    await expect(aborted.toArray()).rejects.toThrow(/cancelled|operation was aborted/);
  });
});
