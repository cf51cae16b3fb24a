import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { buildImage } from '../../docker/build/build-image.ts';
import { readClosure } from '../../docker/endpoint/closure.ts';
import { startImageEndpoint } from '../../docker/endpoint/image-endpoint.ts';
import type { ImageEndpoint } from '../../docker/endpoint/image-endpoint.ts';
import { readEngineInfo } from '../../docker/engine-info.ts';
import type { PublishResult } from '../../docker/engine.ts';
import { streamImageTar } from '../../docker/tarball/image-tar.ts';
import { loadImage } from '../../docker/transport/load.ts';
import { publishImage } from '../../docker/transport/publish.ts';
import { listStoredDigests } from '../../docker/transport/stored-image.ts';
import type { TransportContext } from '../../docker/transport/transport-context.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { openImageTarball } from '../../steps/image-tarball.ts';
import { createStore } from '../../store/create-store.ts';
import { createMemoryObjectStore } from '../../store/memory-object-store.ts';
import { startClassicEngine } from '../helpers/classic-engine.ts';
import { noise } from '../helpers/engine-images.ts';
import { startSecondEngine } from '../helpers/second-engine.ts';
import type { SecondEngine } from '../helpers/second-engine.ts';
import { tinyProgram } from '../helpers/tiny-program.ts';

jest.setTimeout(240_000);

const MEGABYTE = 1_000_000;
const signal = new AbortController().signal;
const store = createStore(createMemoryObjectStore());
const { blobs } = store;

type Kind = 'classic' | 'containerd';
let engines: Record<Kind, SecondEngine>;
let contexts: Record<Kind, TransportContext>;
let endpoint: ImageEndpoint;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-both-kinds-'));
  endpoint = await startImageEndpoint({ blobs });
  const [classic, containerd] = await Promise.all([startClassicEngine(), startSecondEngine()]);
  engines = { classic, containerd };
  const contextOf = async (docker: Docker): Promise<TransportContext> => ({
    docker,
    info: await readEngineInfo(docker, 'an engine of the test'),
    blobs,
    fleet: 'test',
    endpoint,
    registryHost: `127.0.0.1:${endpoint.port}`,
  });
  contexts = { classic: await contextOf(classic.docker), containerd: await contextOf(containerd.docker) };
});

afterAll(async () => {
  await Promise.all(Object.values(engines ?? {}).map((engine) => engine.stop()));
  await endpoint?.close();
  if (directory) await rm(directory, { recursive: true, force: true });
});

let built = 0;

/** A parent that prints something, and a child with a layer more. */
const build = async (
  kind: Kind,
  layers: 'gzip' | 'zstd' = 'gzip',
): Promise<{ readonly parent: PublishResult; readonly child: PublishResult }> => {
  const { docker, info } = contexts[kind];
  const one = async (tag: string, lines: string, files: Record<string, Buffer>): Promise<PublishResult> => {
    const context = pack();
    context.entry({ name: 'Dockerfile' }, lines);
    for (const [name, content] of Object.entries(files))
      context.entry({ name, mode: 0o755, mtime: new Date(0) }, content);
    context.finalize();
    await buildImage({ docker, info, layers, address: kind }, Readable.from(context), {
      imageName: 'both',
      tag,
      args: {},
      signal,
      onOutput: () => undefined,
    });
    return publishImage(contexts[kind], tag, { signal, mayConfirm: () => true });
  };
  const [parentTag, childTag] = [`both/parent:${(built += 1)}`, `both/child:${built}`];
  const program = { program: Buffer.from(tinyProgram('it runs\n')), bulk: noise(6 * MEGABYTE) };
  const parent = await one(parentTag, 'FROM scratch\nCOPY . /\nCMD ["/program"]\n', program);
  const child = await one(childTag, `FROM ${parentTag}\nCOPY more /more\n`, { more: noise(2 * MEGABYTE) });
  return { parent, child };
};

const run = async (docker: Docker, image: string): Promise<string> => {
  const container = await docker.createContainer({ Image: image, HostConfig: { NetworkMode: 'none' } });
  try {
    await container.start();
    expect(await container.wait()).toMatchObject({ StatusCode: 0 });
    // Frames of the engine's stream have a header of eight bytes.
    return (await container.logs({ stdout: true })).subarray(8).toString();
  } finally {
    await container.remove({ force: true });
  }
};

/** Whether an engine has all of an image, and not only what it takes to run: it runs, and by push and save all of it comes back. */
const expectWhole = async (kind: Kind, reference: string, image: StoredImage): Promise<void> => {
  const context = contexts[kind];
  expect(await run(context.docker, reference)).toBe('it runs\n');
  // Nothing may be confirmed: the engine has to send every blob.
  const pushed = await publishImage(context, reference, { signal, mayConfirm: () => false });
  expect(pushed.diffIds).toEqual(image.diffIds);
  expect(pushed.bytesUploaded).toBeGreaterThan(8 * MEGABYTE);
  const saved = await publishImage({ ...context, endpoint: undefined }, reference, {
    signal,
    mayConfirm: () => false,
  });
  expect([saved.way, saved.diffIds]).toEqual(['tar', image.diffIds]);
};

const loadTar = async (docker: Docker, tar: Readable): Promise<void> => {
  const answer = (await docker.loadImage(tar, { quiet: true })) as Readable;
  for await (const chunk of answer) expect(String(chunk)).not.toContain('error');
};

const mediaTypes = async ({ manifestDigest }: StoredImage): Promise<readonly string[]> =>
  (await readClosure(blobs, manifestDigest as Digest, signal)).image.layers.map(({ mediaType }) => mediaType);

const DIRECTIONS = [
  ['classic', 'containerd'],
  ['containerd', 'classic'],
] as const;

describe.each(DIRECTIONS)('an image that was built in a %s store, in a %s one', (from, to) => {
  it('comes by the endpoint, layer by layer, and goes back whole', async () => {
    const { parent, child } = await build(from);
    await loadImage(contexts[to], parent, { signal, tag: `parent-${built}` });
    const loaded = await loadImage(contexts[to], child, { signal, tag: `child-${built}` });
    expect([loaded.way, loaded.fellBack]).toEqual(['endpoint', undefined]);
    expect(loaded.bytesLoaded).toBeGreaterThan(2 * MEGABYTE);
    expect(loaded.bytesLoaded).toBeLessThan(4 * MEGABYTE);
    await expectWhole(to, loaded.engineImageId, child);
  });

  it('comes as a tar without the layers that are there, and goes back whole', async () => {
    const { parent, child } = await build(from);
    const context = { ...contexts[to], endpoint: undefined };
    const first = await loadImage(context, parent, { signal, tag: `parent-${built}` });
    const loaded = await loadImage(context, child, { signal, tag: `child-${built}` });
    expect([first.way, loaded.way, loaded.fellBack]).toEqual(['tar', 'tar', undefined]);
    expect(loaded.bytesLoaded).toBeLessThan(4 * MEGABYTE);
    await expectWhole(to, loaded.engineImageId, child);
  });

  it.each(['public/image.tar', 'public/image.tar.zst'])(
    'comes as %s, and what stands on it can be loaded as a tar and goes back whole',
    async (name) => {
      const { parent, child } = await build(from);
      const { docker } = contexts[to];
      const id = { domain: 'd', level: 1, name: 'both', imageHash: `${from}-${built}` } as const;
      const tarball = openImageTarball(store, id, parent, signal, name);
      // The oldest engine takes no tar that is compressed with zstd.
      const unpacks = name.endsWith('.zst') && to === 'classic';
      const plain = new PassThrough();
      const [, sent] = await Promise.all([
        unpacks ? pipeline(tarball, createZstdDecompress(), plain) : pipeline(tarball, plain),
        loadTar(docker, plain),
      ]);
      expect(sent).toBeUndefined();
      const reference = `slipway.invalid/both:${id.imageHash}`;
      expect((await docker.getImage(reference).inspect()).RootFS.Layers).toEqual(parent.diffIds);
      expect(await run(docker, reference)).toBe('it runs\n');

      const context = { ...contexts[to], endpoint: undefined };
      const loaded = await loadImage(context, child, { signal, tag: `on-tarball-${built}` });
      // A containerd store has the parent's layers unpacked, but not the blobs by which the child names them.
      if (to === 'containerd') expect(loaded.bytesLoaded).toBeGreaterThan(8 * MEGABYTE);
      else expect(loaded.bytesLoaded).toBeLessThan(4 * MEGABYTE);
      await expectWhole(to, loaded.engineImageId, child);
    },
  );

  it.each(['by the endpoint', 'as public/image.tar'])(
    'comes as a tar without the layers of one that has come %s, and runs',
    async (way) => {
      const { parent, child } = await build(from);
      const { docker } = contexts[to];
      if (way === 'by the endpoint') await loadImage(contexts[to], parent, { signal, tag: `base-${built}` });
      else await loadTar(docker, streamImageTar(blobs, parent, { names: [`both/base:${built}`], signal }));

      const name = `both/rest:${built}`;
      const omit = new Set(parent.diffIds as Digest[]);
      const rest = Buffer.concat(
        await streamImageTar(blobs, child, { names: [name], signal, omit }).toArray(),
      );
      await loadTar(docker, Readable.from([rest]));

      expect(rest.length).toBeLessThan(3 * MEGABYTE);
      expect((await docker.getImage(name).inspect()).RootFS.Layers).toEqual(child.diffIds);
      // The containerd store pushes and saves by blobs, and the tar names those that the store has.
      if (to === 'containerd' && way !== 'by the endpoint') expect(await run(docker, name)).toBe('it runs\n');
      else await expectWhole(to, name, child);
    },
  );
});

describe('what layers are compressed with', () => {
  it('is gzip, which every engine reads, unless zstd is wanted', async () => {
    const { child } = await build('containerd');
    expect(await mediaTypes(child)).toEqual(
      child.diffIds.map(() => 'application/vnd.oci.image.layer.v1.tar+gzip'),
    );
    const zstd = (await build('containerd', 'zstd')).child;
    expect(await mediaTypes(zstd)).toEqual(
      zstd.diffIds.map(() => 'application/vnd.oci.image.layer.v1.tar+zstd'),
    );
  });

  it('does not keep an engine that reads no zstd from having the image: it gets plain layers, those that it lacks', async () => {
    const { parent, child } = await build('containerd', 'zstd');
    await loadImage(contexts.classic, parent, { signal, tag: `zstd-parent-${built}` });
    const loaded = await loadImage(contexts.classic, child, { signal, tag: `zstd-${built}` });
    expect([loaded.way, loaded.fellBack]).toEqual(['tar', undefined]);
    expect(loaded.bytesLoaded).toBeLessThan(4 * MEGABYTE);
    await expectWhole('classic', loaded.engineImageId, child);
  });

  it('makes no difference for a newer one, by the endpoint or as a tar', async () => {
    await using other = await startSecondEngine();
    const context = { ...contexts.containerd, docker: other.docker };
    const { parent, child } = await build('containerd', 'zstd');
    await loadImage(context, parent, { signal, tag: 'zstd-parent' });
    const pulled = await loadImage(context, child, { signal, tag: 'zstd' });
    expect(pulled).toMatchObject({ way: 'endpoint', engineImageId: child.manifestDigest });
    expect(await run(other.docker, pulled.engineImageId)).toBe('it runs\n');
    const known = await listStoredDigests(blobs, child.manifestDigest as Digest);
    const back = await publishImage(context, pulled.engineImageId, {
      signal,
      mayConfirm: (digest) => known.includes(digest),
    });
    expect(back).toMatchObject({ manifestDigest: child.manifestDigest, bytesUploaded: 0 });
  });
});
