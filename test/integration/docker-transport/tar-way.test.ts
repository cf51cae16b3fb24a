import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type Docker from 'dockerode';
import { readEngineInfo } from '../../../docker/engine-info.ts';
import type { LoadResult, Progress } from '../../../docker/engine.ts';
import { startImageEndpoint } from '../../../docker/endpoint/image-endpoint.ts';
import type { ImageEndpoint } from '../../../docker/endpoint/image-endpoint.ts';
import { loadImage } from '../../../docker/transport/load.ts';
import { publishImage } from '../../../docker/transport/publish.ts';
import { readStoredImage } from '../../../docker/transport/stored-image.ts';
import type { TransportContext } from '../../../docker/transport/transport-context.ts';
import type { BlobStore, LayerBlob } from '../../../model/blob-store.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import type { StoredImage } from '../../../model/schema/plan.ts';
import { publishNotes } from '../../../steps/publish-notes.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { testFleet } from '../../helpers/dev-engine.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { makeImage, noise, removeImages, testEngine } from '../../helpers/engine-images.ts';
import type { Layer } from '../../helpers/engine-images.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';
import { tinyProgram } from '../../helpers/tiny-program.ts';

jest.setTimeout(180_000);

const signal = new AbortController().signal;
let directory: string;
let blobs: DirectoryBlobs;
let endpoint: ImageEndpoint;
let docker: Docker;
let far: SecondEngine;
let here: TransportContext;
let there: TransportContext;
const made: string[] = [];

// An engine in a network namespace of its own: our 127.0.0.1 is not its own.
beforeAll(async () => {
  docker = testEngine();
  directory = await mkdtemp(join(tmpdir(), 'slipway-tar-way-'));
  blobs = await DirectoryBlobs.create(directory);
  endpoint = await startImageEndpoint({ blobs });
  far = await startSecondEngine({ ownNetwork: true });
  here = {
    docker,
    info: await readEngineInfo(docker, 'the engine of the tests'),
    blobs,
    fleet: testFleet(),
    endpoint,
    registryHost: `127.0.0.1:${endpoint.port}`,
  };
  there = { ...here, docker: far.docker, endpoint: undefined };
});

afterAll(async () => {
  await far?.stop();
  await endpoint?.close();
  if (directory) await rm(directory, { recursive: true });
  if (docker) await removeImages(docker, made);
});

const build = async (engine: Docker): Promise<{ tag: string; id: string }> => {
  const image = await makeImage(engine, {
    layers: [{ 'bin/true': tinyProgram('it runs\n'), bulk: noise(5_000_000) }, { small: noise(1000) }],
  });
  if (engine === docker) made.push(image.tag);
  return image;
};

const layersOf = async (
  { manifestDigest }: StoredImage,
  from: BlobStore = blobs,
): Promise<readonly LayerBlob[]> => (await readStoredImage(from, manifestDigest as Digest)).layers;

const exitCode = async (engine: Docker, image: string): Promise<number> => {
  const container = await engine.createContainer({ Image: image, HostConfig: { NetworkMode: 'none' } });
  try {
    await container.start();
    return ((await container.wait()) as { StatusCode: number }).StatusCode;
  } finally {
    await container.remove({ force: true });
  }
};

describe('an engine that cannot reach the endpoint', () => {
  it('gets an image as a tar', async () => {
    const image = await build(docker);
    const published = await publishImage(here, image.tag, { signal, mayConfirm: () => false });
    const loaded = await loadImage(there, published, { signal, tag: 'by-tar' });
    expect(loaded).toMatchObject({ way: 'tar', engineImageId: image.id });
    expect(loaded.bytesLoaded).toBeGreaterThan(5_000_000);
    expect(await exitCode(far.docker, image.id)).toBe(0);
    const { RepoTags } = await far.docker.getImage(image.id).inspect();
    expect(RepoTags).toEqual(['slipway.invalid/image:by-tar']);
    expect(await loadImage(there, published, { signal, tag: 'by-tar' })).toMatchObject({ way: 'present' });
  });

  it('publishes as a tar what another engine then pulls', async () => {
    const image = await build(far.docker);
    const published = await publishImage(there, image.tag, { signal, mayConfirm: () => false });
    // A classic engine calls an image by its config, the other kind by its manifest, which is ours here.
    const isClassic = here.info.imageStore === 'classic';
    expect(published).toMatchObject({ way: 'tar', ...(isClassic ? { configDigest: image.id } : {}) });
    expect(published.bytesUploaded).toBe(published.sizeBytes);
    const loaded = await loadImage(here, published, { signal, tag: 'from-afar' });
    made.push('slipway.invalid/image:from-afar');
    const engineImageId = isClassic ? image.id : published.manifestDigest;
    expect(loaded).toMatchObject({ way: 'endpoint', engineImageId });
    expect(await exitCode(docker, engineImageId)).toBe(0);
  });

  it('writes no layer twice when it publishes the same image again', async () => {
    const image = await build(far.docker);
    const first = await publishImage(there, image.tag, { signal, mayConfirm: () => false });
    const again = await publishImage(there, image.tag, { signal, mayConfirm: () => false });
    expect(again).toEqual({ ...first, bytesUploaded: 0 });
  });

  it('gets a tar when nobody told that it cannot reach the endpoint', async () => {
    const published = await publishImage(here, (await build(docker)).tag, {
      signal,
      mayConfirm: () => false,
    });
    const loaded = await loadImage({ ...there, endpoint }, published, { signal, tag: 'fallback' });
    expect(loaded.way).toBe('tar');
    expect(await exitCode(far.docker, loaded.engineImageId)).toBe(0);
  });

  it('leaves nothing of a tar that broke off, and names the cause', async () => {
    const published = await publishImage(here, (await build(docker)).tag, {
      signal,
      mayConfirm: () => false,
    });
    const broken = new DirectoryBlobs(directory);
    broken.read = async (...args) => {
      const body = await DirectoryBlobs.prototype.read.apply(broken, args);
      const stat = await broken.stat(args[0]);
      if ((stat?.sizeBytes ?? 0) > 4_000_000)
        setTimeout(() => body.destroy(new Error('the store hung up')), 1);
      return body;
    };
    const images = async (): Promise<number> => (await far.docker.listImages({ all: true })).length;
    const before = await images();
    const attempt = loadImage({ ...there, blobs: broken }, published, { signal, tag: 'broken' });
    await expect(attempt).rejects.toMatchObject({
      type: 'TransferFailed',
      message: expect.stringContaining('the store hung up') as unknown as string,
    });
    expect(await images()).toBe(before);
  });

  it('publishes and gets only the layers that the other side lacks', async () => {
    const lower = { 'bin/true': tinyProgram('it runs\n'), bulk: noise(6_000_000) };
    const parent = await makeImage(far.docker, { layers: [lower] });
    const first = await publishImage(there, parent.tag, { signal, mayConfirm: () => false });
    const child = await makeImage(far.docker, { layers: [lower, { bulk: noise(5_000_000) }] });
    const hints = new Map((await layersOf(first)).map(({ diffId, digest }) => [diffId, [digest]]));
    const published = await publishImage(there, child.tag, {
      signal,
      mayConfirm: () => false,
      findLayers: (diffId) => Promise.resolve(hints.get(diffId) ?? []),
    });
    expect(published.fellBack).toBeUndefined();
    expect(published.diffIds[0]).toBe(first.diffIds[0]);
    expect((await layersOf(published))[0]).toEqual((await layersOf(first))[0]);
    expect(published.bytesUploaded).toBeGreaterThan(5_000_000);
    expect(published.bytesUploaded).toBeLessThan(6_000_000);

    for (const { tag } of [child, parent]) await far.docker.getImage(tag).remove();
    blobs.reads.length = 0;
    const whole = await loadImage(there, first, { signal, tag: 'parent' });
    expect(whole.bytesLoaded).toBeGreaterThan(6_000_000);
    const ofStore = (await layersOf(first)).map(({ digest }) => digest);
    expect(blobs.reads.filter((digest) => ofStore.includes(digest))).toEqual(ofStore);
    const rest = await loadImage(there, published, { signal, tag: 'child' });
    expect(rest.way).toBe('tar');
    expect(rest.fellBack).toBeUndefined();
    expect(rest.bytesLoaded).toBeGreaterThan(5_000_000);
    expect(rest.bytesLoaded).toBeLessThan(6_000_000);
    expect(await exitCode(far.docker, rest.engineImageId)).toBe(0);
    // It has all of it, and not only what it takes to run.
    const back = await publishImage(there, 'slipway.invalid/image:child', {
      signal,
      mayConfirm: () => false,
    });
    expect(back).toMatchObject({ diffIds: published.diffIds, bytesUploaded: 0 });

    // A parent that is pruned while the rest is on its way.
    for (const name of ['child', 'parent'])
      await far.docker.getImage(`slipway.invalid/image:${name}`).remove();
    await loadImage(there, first, { signal, tag: 'parent' });
    const pruning = new DirectoryBlobs(directory);
    pruning.read = async (...args) => {
      await far.docker
        .getImage('slipway.invalid/image:parent')
        .remove()
        .catch(() => undefined);
      return DirectoryBlobs.prototype.read.apply(pruning, args);
    };
    const again = await loadImage({ ...there, blobs: pruning }, published, { signal, tag: 'child' });
    expect(await exitCode(far.docker, again.engineImageId)).toBe(0);
    // The containerd store may still have what was pruned this very moment.
    if (here.info.imageStore === 'containerd') return;
    expect(again.fellBack).toContain('without the layers that it has');
    expect(again.bytesLoaded).toBeGreaterThan(11_000_000);
  });

  it('sends no layer again that another engine has pushed', async () => {
    const lower = { bulk: noise(6_000_000) };
    const parent = await makeImage(docker, { layers: [lower] });
    const pushed = await publishImage(here, parent.tag, { signal, mayConfirm: () => false });
    const child = await makeImage(far.docker, { layers: [lower, { bulk: noise(5_000_000) }] });
    const hints = new Map((await layersOf(pushed)).map(({ diffId, digest }) => [diffId, [digest]]));

    const published = await publishImage(there, child.tag, {
      signal,
      mayConfirm: () => false,
      findLayers: (diffId) => Promise.resolve(hints.get(diffId) ?? []),
    });

    expect([pushed.way, published.way]).toEqual(['endpoint', 'tar']);
    expect((await layersOf(published))[0]).toEqual((await layersOf(pushed))[0]);
    expect(published.bytesUploaded).toBeLessThan(6_000_000);
  });

  it('believes no hint: one that is wrong costs a second save at most', async () => {
    const [a, b] = await Promise.all([build(far.docker), build(far.docker)]);
    const ofA = await publishImage(there, a.tag, { signal, mayConfirm: () => false });
    const hints = new Map((await layersOf(ofA)).map(({ digest }, at) => [at, digest]));
    const { RootFS } = await far.docker.getImage(b.tag).inspect();
    const diffIds = RootFS.Layers ?? [];
    // Every layer of the one is said to be that of the other, and to be where it is not.
    const lying = (diffId: string): Promise<string[]> =>
      Promise.resolve([
        hints.get(diffIds.indexOf(diffId)) ?? '',
        ofA.configDigest,
        `sha256:${'0'.repeat(64)}`,
        'x',
      ]);
    const ofB = await publishImage(there, b.tag, { signal, mayConfirm: () => false, findLayers: lying });
    expect(ofB.diffIds).toEqual(diffIds);
    expect((await layersOf(ofB))[0]?.digest).not.toBe((await layersOf(ofA))[0]?.digest);
    const { engineImageId } = await loadImage(here, ofB, { signal, tag: 'hinted' });
    expect(await exitCode(docker, engineImageId)).toBe(0);
    made.push('slipway.invalid/image:hinted');
  });

  it('sends no layer again that is known because a new one is just as large', async () => {
    const large = { bulk: noise(6_000_000) };
    const small = { small: noise(1000) };
    const parent = await makeImage(far.docker, { layers: [large, small] });
    const first = await publishImage(there, parent.tag, { signal, mayConfirm: () => false });
    const hints = new Map((await layersOf(first)).map(({ diffId, digest }) => [diffId, [digest]]));
    const publishOn = async (layer: Layer): ReturnType<typeof publishImage> => {
      const child = await makeImage(far.docker, { layers: [large, small, layer] });
      const findLayers = (diffId: string): Promise<string[]> =>
        Promise.resolve(hints.get(diffId as Digest) ?? []);
      return publishImage(there, child.tag, { signal, mayConfirm: () => false, findLayers });
    };

    const bySmall = await publishOn({ other: noise(1000) });
    const byLarge = await publishOn({ more: noise(6_000_000) });

    // What is small is kept; else the engine writes all of it out once more.
    expect(bySmall.fellBack).toBeUndefined();
    expect(bySmall.bytesUploaded).toBeLessThan(100_000);
    // A classic engine does not call layers by what they are: what is large it writes out once more.
    if (here.info.imageStore === 'classic')
      expect(byLarge.fellBack).toContain('was taken for one that is known');
    else expect(byLarge.fellBack).toBeUndefined();
    expect(byLarge.bytesUploaded).toBeGreaterThan(6_000_000);
    expect(byLarge.bytesUploaded).toBeLessThan(7_000_000);
    expect((await layersOf(byLarge)).slice(0, 2)).toEqual(await layersOf(first));
  });

  it('gets an image once, however many ask for it at once; one who gives up does not keep it from the others', async () => {
    const image = await build(docker);
    const published = await publishImage(here, image.tag, { signal, mayConfirm: () => false });
    const abort = new AbortController();
    const begun = Promise.withResolvers<void>();
    let reads = 0;
    const counting = new DirectoryBlobs(directory);
    counting.read = async (...args) => {
      if (((await counting.stat(args[0]))?.sizeBytes ?? 0) > 4_000_000) {
        reads += 1;
        // Whoever is to give up comes while the load of another is under way, and gives up before its end.
        begun.resolve();
        if (!abort.signal.aborted) await once(abort.signal, 'abort');
      }
      return DirectoryBlobs.prototype.read.apply(counting, args);
    };
    const context = { ...there, blobs: counting };
    const onProgress = ({ message }: { readonly message: string }): void => {
      if (message.includes('on their way already')) abort.abort(new Error('one gives up'));
    };
    const load = (tag: string, by = signal): ReturnType<typeof loadImage> =>
      loadImage(context, published, { signal: by, tag, ...(by === signal ? {} : { onProgress }) });

    const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((tag) => load(`at-once-${tag}`));
    await begun.promise;
    await expect(load('at-once-never', abort.signal)).rejects.toThrow('one gives up');
    const loaded = await Promise.all(all);

    expect(loaded.filter(({ way }) => way === 'tar')).toHaveLength(1);
    expect(loaded.filter(({ way, bytesLoaded }) => way === 'present' && bytesLoaded === 0)).toHaveLength(6);
    // Once to be measured, once to be sent.
    expect(reads).toBeLessThanOrEqual(2);
    const { RepoTags } = await far.docker.getImage(loaded[0]!.engineImageId).inspect();
    expect(RepoTags?.toSorted()).toEqual(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((tag) => `slipway.invalid/image:at-once-${tag}`),
    );
  });

  it('gets the ground of several images once, and what each has on it', async () => {
    const lower = { 'bin/true': tinyProgram('it runs\n'), bulk: noise(6_000_000) };
    const made = await Promise.all(
      [0, 1, 2].map(() => makeImage(far.docker, { layers: [lower, { own: noise(1_000_000) }] })),
    );
    const published: StoredImage[] = [];
    for (const { tag } of made) {
      published.push(await publishImage(there, tag, { signal, mayConfirm: () => false }));
      await far.docker.getImage(tag).remove();
    }
    expect(new Set(published.map(({ diffIds }) => diffIds[0])).size).toBe(1);

    const loaded = await Promise.all(
      published.map((image, at) => loadImage(there, image, { signal, tag: `ground-${at}` })),
    );

    expect(loaded.map(({ fellBack }) => fellBack)).toEqual([undefined, undefined, undefined]);
    const bytes = loaded.map(({ bytesLoaded }) => bytesLoaded).toSorted((a, b) => b - a);
    expect(bytes[0]).toBeGreaterThan(7_000_000);
    for (const one of bytes.slice(1)) expect(one).toBeLessThan(2_000_000);
    for (const { engineImageId } of loaded) expect(await exitCode(far.docker, engineImageId)).toBe(0);
  });

  it('loses the name of a load that was killed to the next one, and one that is under way finds the image all the same', async () => {
    const image = await build(docker);
    const published = await publishImage(here, image.tag, { signal, mayConfirm: () => false });
    const loading = (await loadImage(there, published, { signal, tag: 'first' })).engineImageId;
    const names = async (): Promise<readonly string[]> =>
      (await far.docker.getImage(loading).inspect()).RepoTags.toSorted();
    await far.docker.getImage(loading).tag({ repo: 'slipway.invalid/image', tag: 'loading-killed' });

    expect(await loadImage(there, published, { signal, tag: 'second' })).toMatchObject({ way: 'present' });
    expect(await names()).toEqual(['first', 'second'].map((tag) => `slipway.invalid/image:${tag}`));

    for (const name of await names()) await far.docker.getImage(name).remove();
    // The moment that an engine has it, another load finds it there.
    let found: LoadResult | undefined;
    const loadImageOf = async (tar: Readable, options: object): Promise<Readable> => {
      const answer = (await far.docker.loadImage(tar, options)) as Readable;
      return Readable.from(
        (async function* () {
          yield* answer as AsyncIterable<Buffer>;
          found = await loadImage(there, published, { signal, tag: 'other' });
        })(),
      );
    };
    const meanwhile = Object.assign(Object.create(far.docker) as Docker, { loadImage: loadImageOf });
    const loaded = await loadImage({ ...there, docker: meanwhile }, published, { signal, tag: 'own' });

    expect(found).toMatchObject({ way: 'present' });
    expect(loaded).toMatchObject({ way: 'tar', engineImageId: loading });
    expect(loaded.fellBack).toBeUndefined();
    expect(await names()).toEqual(['other', 'own'].map((tag) => `slipway.invalid/image:${tag}`));
  });

  it('is told of each layer with its bytes while it comes, and while it goes', async () => {
    const image = await build(far.docker);
    const told: Progress[] = [];
    const onProgress = (progress: Progress): void => void told.push(progress);
    const published = await publishImage(there, image.tag, { signal, mayConfirm: () => false, onProgress });
    await far.docker.getImage(image.tag).remove();
    await loadImage(there, published, { signal, tag: 'told', onProgress });

    for (const end of ['stored', 'sent']) {
      const layers = told.filter(({ message }) => message.endsWith(`: ${end}`));
      expect(layers.length).toBeGreaterThanOrEqual(2);
      expect(Math.max(...layers.map(({ bytes }) => bytes ?? 0))).toBeGreaterThan(5_000_000);
    }
  });

  it('publishes only what is new as a builder does it, by what it has noted of the layers before', async () => {
    const store = emptyStore();
    const place = { domain: 'demo', level: 1 as const };
    const publish = (tag: string, blobs: BlobStore): ReturnType<typeof publishImage> =>
      publishImage({ ...there, blobs }, tag, { signal, ...publishNotes(store, place, () => false) });
    const lower = { 'bin/true': tinyProgram('it runs\n'), bulk: noise(6_000_000) };
    const parent = await makeImage(far.docker, { layers: [lower] });
    const child = await makeImage(far.docker, { layers: [lower, { own: noise(1_000_000) }] });

    const first = await publish(parent.tag, store.blobs);
    let compressed = 0;
    const { writeUnknown } = store.blobs;
    const counting: BlobStore = {
      ...store.blobs,
      writeUnknown: (...args) => ((compressed += 1), writeUnknown.apply(store.blobs, args)),
    };
    const second = await publish(child.tag, counting);

    expect(first.bytesUploaded).toBeGreaterThan(6_000_000);
    expect(second.bytesUploaded).toBeLessThan(2_000_000);
    // A layer that is known is not compressed again only to find that the store has it.
    expect(compressed).toBe(1);
    const [lowest] = await layersOf(first, store.blobs);
    expect((await layersOf(second, store.blobs))[0]).toEqual(lowest);
  });
});
