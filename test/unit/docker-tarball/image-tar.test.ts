import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
import { anImage, putImage } from '../../helpers/stored-images.ts';
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
    expect([...whole.keys()].filter((path) => !rest.has(path))).toEqual([`blobs/sha256/${first!.slice(7)}`]);
    for (const [path, bytes] of rest) expect(bytes.equals(whole.get(path)!)).toBe(true);

    // For a classic engine the layer need not even be in the store.
    await blobs.remove(digestOf(layers[0]!));
    const classic = streamImageTar(blobs, stored, { names, signal, omit, readers: 'classic' });
    const files = await filesOf(Buffer.concat(await classic.toArray()));
    expect([...files.keys()].sort()).toEqual(
      [
        `blobs/sha256/${second!.slice(7)}`,
        `blobs/sha256/${stored.configDigest.slice(7)}`,
        'manifest.json',
      ].sort(),
    );
    expect(files.get('manifest.json')!.equals(whole.get('manifest.json')!)).toBe(true);
  });

  it('fails when a layer does not unpack to what the config says', async () => {
    const image = await putImage(blobs, await anImage({ contents }));
    const other = await anImage({ contents: [Buffer.alloc(70_000, 'x')] });
    await writeFile(join(directory, digestOf(image.layers[0]!).slice(7)), other.layers[0]!);
    const tar = streamImageTar(blobs, image.stored, { names, signal });
    await expect(tar.toArray()).rejects.toMatchObject({ type: 'DigestMismatch' });
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
    await expect(aborted.toArray()).rejects.toThrow();
  });
});
