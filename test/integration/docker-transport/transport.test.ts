import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type Docker from 'dockerode';
import { startImageEndpoint } from '../../../docker/endpoint/image-endpoint.ts';
import type { ImageEndpoint } from '../../../docker/endpoint/image-endpoint.ts';
import { streamImageTar } from '../../../docker/tarball/image-tar.ts';
import { loadImage } from '../../../docker/transport/load.ts';
import { publishImage } from '../../../docker/transport/publish.ts';
import { listStoredDigests, readStoredImage } from '../../../docker/transport/stored-image.ts';
import { expectedId } from '../../../docker/transport/engine-images.ts';
import { readEngineInfo } from '../../../docker/engine-info.ts';
import type { TransportContext } from '../../../docker/transport/transport-context.ts';
import type { PublishResult } from '../../../docker/engine.ts';
import { StoreOutOfSpace, StoreUnavailable } from '../../../model/errors.ts';
import type { LayerBlob } from '../../../model/blob-store.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import { testFleet } from '../../helpers/dev-engine.ts';
import { startCuttingProxy } from '../../helpers/cutting-proxy.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { makeImage, noise, removeImages, testEngine } from '../../helpers/engine-images.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';
import { tinyProgram } from '../../helpers/tiny-program.ts';

jest.setTimeout(180_000);

const MEGABYTE = 1_000_000;
const signal = new AbortController().signal;

let directory: string;
let blobs: DirectoryBlobs;
let endpoint: ImageEndpoint;
let docker: Docker;
let second: SecondEngine;
let builder: TransportContext;
let runner: TransportContext;
const made: string[] = [];

beforeAll(async () => {
  docker = testEngine();
  directory = await mkdtemp(join(tmpdir(), 'slipway-transport-'));
  blobs = await DirectoryBlobs.create(join(directory, 'blobs'));
  endpoint = await startImageEndpoint({ blobs });
  second = await startSecondEngine();
  const registryHost = `127.0.0.1:${endpoint.port}`;
  const info = await readEngineInfo(docker, 'the engine of the tests');
  builder = { docker, info, blobs, fleet: testFleet(), endpoint, registryHost };
  runner = { ...builder, docker: second.docker };
});

afterAll(async () => {
  await second?.stop();
  await endpoint?.close();
  if (directory) await rm(directory, { recursive: true });
  if (docker) await removeImages(docker, made);
});

/** An image that prints its text when run; its bulk is one megabyte that does not compress. */
const build = async (
  options: { from?: string; text?: string; bulk?: number } = {},
): Promise<{ tag: string; id: string }> => {
  const { from, text = 'it runs\n', bulk = MEGABYTE } = options;
  const image = await makeImage(docker, {
    ...(from ? { from } : {}),
    layers: [{ 'bin/true': tinyProgram(text), bulk: noise(bulk) }],
  });
  made.push(image.tag);
  return image;
};

const publish = (image: string, known: readonly Digest[] = [], context = builder): Promise<PublishResult> =>
  publishImage(context, image, { signal, mayConfirm: (digest) => known.includes(digest) });

const digestsOf = (image: PublishResult): Promise<readonly Digest[]> =>
  listStoredDigests(blobs, image.manifestDigest as Digest);

const run = async (engine: Docker, image: string): Promise<string> => {
  const container = await engine.createContainer({ Image: image, HostConfig: { NetworkMode: 'none' } });
  try {
    await container.start();
    expect(await container.wait()).toMatchObject({ StatusCode: 0 });
    // Frames of the engine's stream have a header of eight bytes.
    return (await container.logs({ stdout: true })).subarray(8).toString();
  } finally {
    await container.remove({ force: true });
  }
};

const referencesOf = async (engine: Docker, image: string): Promise<string[]> => {
  const { Id, RepoTags, RepoDigests } = await engine.getImage(image).inspect();
  // A containerd store has one more for each name.
  const made = new Set(RepoTags.map((tag) => `${tag.slice(0, tag.lastIndexOf(':'))}@${Id}`));
  return [...RepoTags, ...RepoDigests.filter((digest) => !made.has(digest))];
};

describe('publish through the endpoint', () => {
  it('stores what the engine has: config, diff ids and the sum of the blobs', async () => {
    const image = await build();
    const told: LayerBlob[] = [];
    const published = await publishImage(builder, image.tag, {
      signal,
      mayConfirm: () => false,
      onLayer: (layer) => Promise.resolve(void told.push(layer)),
    });
    const inspected = await docker.getImage(image.id).inspect();
    expect(published).toMatchObject({
      way: 'endpoint',
      diffIds: inspected.RootFS.Layers,
    });
    expect(expectedId(builder, published)).toBe(image.id);
    const { way: _way, bytesUploaded: _bytes, ...stored } = published;
    const read = await readStoredImage(blobs, published.manifestDigest as Digest);
    expect(read).toEqual({ stored, layers: told });
    expect(read.layers.map(({ diffId }) => diffId)).toEqual(inspected.RootFS.Layers);
    expect(published.sizeBytes).toBeGreaterThan(MEGABYTE);
  });

  it('is not done again as a tar because nobody could note its layers', async () => {
    const image = await build();
    const said: string[] = [];

    const published = publishImage(builder, image.tag, {
      signal,
      mayConfirm: () => false,
      onProgress: ({ message }) => said.push(message),
      onLayer: () => Promise.reject(new Error('no note of it')),
    });

    await expect(published).rejects.toThrow('no note of it');
    expect(said.filter((message) => message.includes('as a tar'))).toEqual([]);
  });

  it('moves only the layer that the store lacks', async () => {
    const base = await build({ bulk: 3 * MEGABYTE });
    const first = await publish(base.tag);
    const child = await build({ from: base.tag, bulk: MEGABYTE / 2 });
    const published = await publish(child.tag, await digestsOf(first));
    expect(first.bytesUploaded).toBeGreaterThan(3 * MEGABYTE);
    expect(published.bytesUploaded).toBeGreaterThan(MEGABYTE / 2);
    expect(published.bytesUploaded).toBeLessThan(MEGABYTE);
  });

  it('moves nothing when all of it may be confirmed, and everything when nothing may', async () => {
    const image = await build();
    const first = await publish(image.tag);
    const again = await publish(image.tag, await digestsOf(first));
    const stranger = await publish(image.tag);
    expect(again.bytesUploaded).toBe(0);
    expect(stranger.bytesUploaded).toBe(first.bytesUploaded);
    expect([again.manifestDigest, stranger.manifestDigest]).toEqual([
      first.manifestDigest,
      first.manifestDigest,
    ]);
  });

  it('leaves the names of the image as they were', async () => {
    const image = await build();
    await publish(image.tag);
    expect(await referencesOf(docker, image.id)).toEqual([image.tag]);
  });

  it('does not lose an image that has no name of its own', async () => {
    const container = await docker.createContainer({ Image: (await build()).id });
    const { Id: id } = (await container.commit({})) as { Id: string };
    await container.remove();
    made.push(id);
    await publish(id);
    expect((await docker.getImage(id).inspect()).Id).toBe(id);
  });

  it('takes several publishes of one image at once', async () => {
    const image = await build();
    const all = await Promise.all([1, 2, 3].map(() => publish(image.tag)));
    expect(new Set(all.map(({ manifestDigest }) => manifestDigest)).size).toBe(1);
    expect(await referencesOf(docker, image.id)).toEqual([image.tag]);
  });

  it('of an image that somebody has removed from the engine may be tried again, once it is made again', async () => {
    const image = await build();
    await removeImages(docker, [image.tag]);

    await expect(publish(image.tag)).rejects.toMatchObject({
      type: 'TransferFailed',
      retryable: true,
      message: `Could not publish image ${image.tag}: the engine does not have it`,
    });
  });

  it('recovers when connections are cut in the middle of uploads', async () => {
    await using proxy = await startCuttingProxy(endpoint.port, {
      afterBytes: 200_000,
      times: 2,
      direction: 'in',
    });
    const image = await build();
    const published = await publish(image.tag, [], { ...builder, registryHost: `127.0.0.1:${proxy.port}` });
    expect([proxy.cuts, expectedId(builder, published)]).toEqual([2, image.id]);
    expect(
      await run(
        second.docker,
        (await loadImage(runner, published, { signal, tag: 'after-cuts' })).engineImageId,
      ),
    ).toBe('it runs\n');
  });

  it('reports what failed in the store, and leaves no name behind', async () => {
    const image = await build();
    const broken = new DirectoryBlobs(blobs.directory);
    broken.writeUnknown = () => Promise.reject(new Error('the bucket is read-only'));
    const endpointOfBroken = await startImageEndpoint({ blobs: broken });
    const abort = new AbortController();
    const context = {
      ...builder,
      blobs: broken,
      endpoint: endpointOfBroken,
      registryHost: `127.0.0.1:${endpointOfBroken.port}`,
    };
    try {
      const attempt = publishImage(context, image.tag, { signal: abort.signal, mayConfirm: () => false });
      setTimeout(() => abort.abort(new Error('cancelled by test')), 3000);
      // A classic engine tries on for a minute, the other kind gives up at once and hands our own words on.
      const isClassic = builder.info.imageStore === 'classic';
      await expect(attempt).rejects.toThrow(isClassic ? 'cancelled by test' : 'the bucket is read-only');
      expect(await referencesOf(docker, image.id)).toEqual([image.tag]);
    } finally {
      await endpointOfBroken.close();
    }
  });
});

describe('a push that keeps failing', () => {
  it('is given up at once where the store is full, and leaves no name behind', async () => {
    const image = await build();
    const fullStore = new DirectoryBlobs(blobs.directory);
    const full = new StoreOutOfSpace('UploadPart', 'slipway', 'a blob', 'no space left on device');
    let asked = 0;
    fullStore.writeUnknown = (body) => {
      asked += 1;
      body.resume();
      return Promise.reject(full);
    };
    const endpointOfFull = await startImageEndpoint({ blobs: fullStore });
    try {
      const context = {
        ...builder,
        blobs: fullStore,
        endpoint: endpointOfFull,
        registryHost: `127.0.0.1:${endpointOfFull.port}`,
      };

      await expect(publishImage(context, image.tag, { signal, mayConfirm: () => false })).rejects.toBe(full);

      // A classic engine would send its layer five times; the other kind sends layer and config side by side, each twice.
      expect(asked).toBeLessThanOrEqual(builder.info.imageStore === 'classic' ? 1 : 4);
      expect(await referencesOf(docker, image.id)).toEqual([image.tag]);
    } finally {
      await endpointOfFull.close();
    }
  });

  it('is done as a tar where the endpoint cannot be had, and says so', async () => {
    const image = await build();
    const nobody = { ...builder, registryHost: '127.0.0.1:1' };

    const published = await publishImage(nobody, image.tag, { signal, mayConfirm: () => false });

    expect(published).toMatchObject({ way: 'tar', fellBack: expect.stringMatching(/^push failed: /) });
    expect(await referencesOf(docker, image.id)).toEqual([image.tag]);
    const { engineImageId } = await loadImage(runner, published, { signal, tag: 'after-fall-back' });
    expect(await run(second.docker, engineImageId)).toBe('it runs\n');
  });

  it('is no reason for a tar where the store is away, which that goes to as well', async () => {
    const image = await build();
    const away = new DirectoryBlobs(blobs.directory);
    away.read = () => Promise.reject(new StoreUnavailable('read', 'slipway', 'a blob', 'it is away'));
    const told: string[] = [];

    const attempt = publishImage({ ...builder, blobs: away }, image.tag, {
      signal,
      mayConfirm: () => false,
      onProgress: ({ message }) => told.push(message),
    });

    await expect(attempt).rejects.toMatchObject({ type: 'StoreUnavailable' });
    expect(told.filter((message) => message.includes('sending it as a tar'))).toEqual([]);
  });
});

describe('load through the endpoint', () => {
  it('gives another engine the same image, which runs there', async () => {
    const image = await build({ text: 'from afar\n' });
    const published = await publish(image.tag);
    const loaded = await loadImage(runner, published, { signal, tag: 'afar' });
    const there = await second.docker.getImage('slipway.invalid/image:afar').inspect();
    expect(loaded).toMatchObject({ way: 'endpoint', engineImageId: image.id });
    expect(there.RootFS.Layers).toEqual(published.diffIds);
    expect(await run(second.docker, loaded.engineImageId)).toBe('from afar\n');
  });

  it('moves nothing when the image is there, and gives it the new name too', async () => {
    const published = await publish((await build()).tag);
    await loadImage(runner, published, { signal, tag: 'once' });
    const again = await loadImage(runner, published, { signal, tag: 'twice' });
    expect(again).toMatchObject({ way: 'present', bytesLoaded: 0 });
    expect(await referencesOf(second.docker, again.engineImageId)).toEqual([
      'slipway.invalid/image:once',
      'slipway.invalid/image:twice',
    ]);
  });

  it('moves only the layer that the engine lacks', async () => {
    const base = await build({ bulk: 3 * MEGABYTE });
    const first = await publish(base.tag);
    const child = await publish(
      (await build({ from: base.tag, bulk: MEGABYTE / 2 })).tag,
      await digestsOf(first),
    );
    const cold = await loadImage(runner, first, { signal, tag: 'delta-base' });
    const delta = await loadImage(runner, child, { signal, tag: 'delta' });
    expect(cold.bytesLoaded).toBeGreaterThan(3 * MEGABYTE);
    expect(delta.bytesLoaded).toBeGreaterThan(MEGABYTE / 2);
    expect(delta.bytesLoaded).toBeLessThan(MEGABYTE);
  });

  it('forgets the address of the endpoint, and pruning dangling images leaves the image alone', async () => {
    const published = await publish((await build()).tag);
    const { engineImageId } = await loadImage(runner, published, { signal, tag: 'kept' });
    expect(await referencesOf(second.docker, engineImageId)).toEqual(['slipway.invalid/image:kept']);
    await second.docker.pruneImages({ filters: { dangling: ['true'] } });
    expect(await run(second.docker, engineImageId)).toBe('it runs\n');
  });

  it('goes on at the byte where a connection broke', async () => {
    const published = await publish((await build({ bulk: 2 * MEGABYTE })).tag);
    await using proxy = await startCuttingProxy(endpoint.port, {
      afterBytes: MEGABYTE,
      times: 1,
      direction: 'out',
    });
    const context = { ...runner, registryHost: `127.0.0.1:${proxy.port}` };
    const loaded = await loadImage(context, published, { signal, tag: 'cut' });
    expect([proxy.cuts, loaded.way]).toEqual([1, 'endpoint']);
    expect(await run(second.docker, loaded.engineImageId)).toBe('it runs\n');
  });

  it('recovers when the store breaks off once in the middle of a layer', async () => {
    const published = await publish((await build()).tag);
    const flaky = new DirectoryBlobs(blobs.directory);
    let broken = 0;
    flaky.read = async (...args) => {
      const body = await DirectoryBlobs.prototype.read.apply(flaky, args);
      const stat = await flaky.stat(args[0]);
      if (broken > 0 || (stat?.sizeBytes ?? 0) < MEGABYTE) return body;
      broken += 1;
      body.destroy();
      return Readable.from(
        (async function* () {
          yield Buffer.alloc(0);
          await Promise.reject(new Error('the store hung up'));
        })(),
        { objectMode: false },
      );
    };
    const endpointOfFlaky = await startImageEndpoint({ blobs: flaky });
    try {
      const context = {
        ...runner,
        blobs: flaky,
        endpoint: endpointOfFlaky,
        registryHost: `127.0.0.1:${endpointOfFlaky.port}`,
      };
      const loaded = await loadImage(context, published, { signal, tag: 'flaky' });
      expect([broken, loaded.way]).toEqual([1, 'endpoint']);
    } finally {
      await endpointOfFlaky.close();
    }
  });

  it('says at once that the image is damaged, and which part, when a layer has left the store', async () => {
    const published = await publish((await build()).tag);
    const [layer] = (await digestsOf(published)).slice(-1);
    const bytes = await (await blobs.read(layer!)).toArray();
    await blobs.remove(layer!);
    await expect(loadImage(runner, published, { signal, tag: 'gone' })).rejects.toMatchObject({
      type: 'ImageDamaged',
      digest: layer,
      message: expect.stringContaining(layer!) as unknown as string,
    });
    expect((await second.docker.listImages()).flatMap(({ RepoTags }) => RepoTags)).not.toContain(
      'slipway.invalid/image:gone',
    );
    await blobs.write(layer!, Buffer.concat(bytes as Buffer[]).length, Buffer.concat(bytes as Buffer[]));
  });

  it('lets an engine pull nothing with the credential of another transfer', async () => {
    const mine = await publish((await build()).tag);
    const other = await publish((await build()).tag);
    const transfer = await endpoint.openPull(other);
    const stream = await second.docker
      .createImage(
        { username: transfer.username, password: transfer.password },
        { fromImage: `${runner.registryHost}/slipway`, tag: mine.manifestDigest },
      )
      .catch((error: unknown) => error as { statusCode: number });
    expect((stream as { statusCode: number }).statusCode).toBeGreaterThanOrEqual(400);
    transfer.close();
  });

  it('takes several loads of one image at once', async () => {
    const published = await publish((await build()).tag);
    const all = await Promise.all(
      ['p', 'q', 'r'].map((tag) => loadImage(runner, published, { signal, tag })),
    );
    expect(new Set(all.map(({ engineImageId }) => engineImageId))).toEqual(
      new Set([expectedId(runner, published)]),
    );
    expect((await referencesOf(second.docker, expectedId(runner, published))).sort()).toEqual(
      ['p', 'q', 'r'].map((tag) => `slipway.invalid/image:${tag}`),
    );
  });

  it('stops when it is cancelled, and leaves no image', async () => {
    const published = await publish((await build()).tag);
    const slow = new DirectoryBlobs(blobs.directory);
    const abort = new AbortController();
    const reason = new Error('the push was cancelled');
    slow.read = async (...args) => {
      const stat = await slow.stat(args[0]);
      if ((stat?.sizeBytes ?? 0) < MEGABYTE) return await DirectoryBlobs.prototype.read.apply(slow, args);
      setTimeout(() => abort.abort(reason), 100);
      return new PassThrough();
    };
    const slowEndpoint = await startImageEndpoint({ blobs: slow });
    try {
      const context = {
        ...runner,
        blobs: slow,
        endpoint: slowEndpoint,
        registryHost: `127.0.0.1:${slowEndpoint.port}`,
      };
      await expect(loadImage(context, published, { signal: abort.signal, tag: 'cancelled' })).rejects.toBe(
        reason,
      );
      const ids = (await second.docker.listImages()).map(({ Id }) => Id);
      expect(ids).not.toContain(expectedId(runner, published));
    } finally {
      await slowEndpoint.close();
    }
  });
});

describe('the tarball view', () => {
  it('is loaded by an engine under its name, as the same image, and runs', async () => {
    const image = await build({ text: 'from a tar\n' });
    const published = await publish(image.tag);
    const tar = streamImageTar(blobs, published, { names: ['lint:view'], signal });
    const answer = await second.docker.loadImage(tar as NodeJS.ReadableStream);
    for await (const _chunk of answer) continue;
    const { Id, RootFS } = await second.docker.getImage('lint:view').inspect();
    expect(RootFS.Layers).toEqual(published.diffIds);
    // A containerd store calls an image by its manifest, and that of the tarball names plain layers.
    if (builder.info.imageStore === 'classic') expect(Id).toBe(image.id);
    expect(await run(second.docker, 'lint:view')).toBe('from a tar\n');
  });
});
