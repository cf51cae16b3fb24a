import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { pack } from 'tar-stream';
import { connectEngine } from '../../../docker/connect.ts';
import type { BuildResult, Engine, LentLayers, PublishResult } from '../../../docker/engine.ts';
import { listStoredDigests } from '../../../docker/transport/stored-image.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { makeImage, noise, testEngine } from '../../helpers/engine-images.ts';
import { requireEnv } from '../../helpers/require-env.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';

jest.setTimeout(180_000);

const MEGABYTE = 1_000_000;
const signal = new AbortController().signal;
let directory: string;
let blobs: DirectoryBlobs;
let second: SecondEngine;
let here: Engine;
let there: Engine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-lent-layers-'));
  blobs = await DirectoryBlobs.create(directory);
  second = await startSecondEngine();
  const common = { blobs, reach: { kind: 'loopback' as const }, fleet: 'lent-layers' };
  here = await connectEngine({
    ...common,
    address: requireEnv('SLIPWAY_TEST_ENGINE', 'the engine of the tests'),
  });
  there = await connectEngine({ ...common, address: `unix://${second.socketPath}` });
});

afterAll(async () => {
  await here?.images.remove('slipway-test/lent:1');
  await here?.close();
  await there?.close();
  await second?.stop();
  if (directory) await rm(directory, { recursive: true });
});

/** Two layers: one that stays what it is, and one that changes. */
const build = async (
  engine: Engine,
  files: { readonly stays: Buffer; readonly changes?: Buffer },
  cacheFrom?: LentLayers,
  dockerfile = 'FROM scratch\nCOPY stays /\nCOPY changes /\n',
): Promise<BuildResult & { readonly log: string }> => {
  const context = pack();
  context.entry({ name: 'Dockerfile' }, dockerfile);
  for (const [name, content] of Object.entries(files))
    context.entry({ name, mtime: new Date(0) }, content as Buffer);
  context.finalize();
  let log = '';
  const built = await engine.images.build(Readable.from(context), {
    imageName: 'lent',
    tag: 'slipway-test/lent:1',
    args: {},
    ...(cacheFrom ? { cacheFrom } : {}),
    onOutput: (text) => (log += text),
    signal,
  });
  return { ...built, log };
};

const publish = (engine: Engine, known: readonly Digest[] = []): Promise<PublishResult> =>
  engine.images.publish('slipway-test/lent:1', { signal, mayConfirm: (digest) => known.includes(digest) });

describe('layers that are lent to a build', () => {
  it('are taken by an engine that has never seen them, which makes and sends only the others', async () => {
    const stays = noise(MEGABYTE);
    await build(here, { stays, changes: noise(5 * MEGABYTE) });
    const before = await publish(here);

    const layers = await there.images.lendLayers(before, { tag: 'lent', signal });
    const built = await build(there, { stays, changes: noise(1000) }, layers);
    const { bytesLoaded } = layers;
    layers.close();
    const known = await listStoredDigests(blobs, before.manifestDigest as Digest);
    const published = await publish(there, known);

    expect(built).toMatchObject({ steps: 2, cachedSteps: 1 });
    expect(published.diffIds[0]).toBe(before.diffIds[0]);
    expect(published.bytesUploaded).toBeLessThan(MEGABYTE / 10);
    expect(bytesLoaded).toBeGreaterThan(MEGABYTE);
    // A classic engine has to have the image; the other kind fetches just the layer that it takes.
    const { imageStore } = await there.info();
    if (imageStore === 'containerd') expect(bytesLoaded).toBeLessThan(2 * MEGABYTE);
    // Whoever reads the log learns which image it was, and no address or credential.
    expect(layers.name).toBe('slipway.invalid/image:lent');
    expect(built.log).toContain('importing cache manifest from slipway.invalid/image:lent');
    expect(built.log).not.toContain('127.0.0.1');
  });

  it('never make a build fail for its author: what is wrong with them is told apart', async () => {
    const stays = noise(MEGABYTE);
    await build(here, { stays, changes: noise(1000) });
    const before = await publish(here);
    const [layer] = (await listStoredDigests(blobs, before.manifestDigest as Digest)).slice(-2);
    const sizeBytes = (await blobs.stat(layer!))?.sizeBytes ?? 0;
    expect(sizeBytes).toBeGreaterThan(MEGABYTE);
    await blobs.damage(layer!, noise(sizeBytes));

    const attempt = async (): Promise<LentLayers> => {
      const layers = await there.images.lendLayers(before, { tag: 'damaged', signal });
      const failure = await build(there, { stays, changes: noise(1000) }, layers).catch(
        (error: Error) => error,
      );
      expect(failure).toBeInstanceOf(Error);
      expect(layers.isAtFault(failure as Error)).toBe(true);
      layers.close();
      return layers;
    };
    const { imageStore } = await there.info();
    if (imageStore === 'classic') await expect(attempt()).rejects.toMatchObject({ type: 'TransferFailed' });
    else await attempt();

    // Without them all is made here, also what the engine remembers of the attempt.
    expect(await build(there, { stays, changes: noise(1000) })).toMatchObject({ steps: 2, cachedSteps: 0 });
    expect((await publish(there)).diffIds[0]).toBe(before.diffIds[0]);
  });
});

describe('layers of an image that was built on other images too', () => {
  /** An image that both engines have under the same name. */
  const both = async (file: string): Promise<string> => {
    const { tag } = await makeImage(testEngine(), { layers: [{ [file]: noise(1000) }] });
    const { engineImageId } = await there.images.load(
      await here.images.publish(tag, { signal, mayConfirm: () => false }),
      { tag: 'on-both', signal },
    );
    await there.images.tag(engineImageId, tag);
    names.push(tag);
    return tag;
  };
  const names: string[] = [];
  afterAll(async () => {
    for (const name of names) await here?.images.remove(name);
  });

  it('are taken as far as the last stage begins alike, whatever an earlier one begins with or is copied afterwards', async () => {
    const [base, former, later, other] = [
      await both('base'),
      await both('tool'),
      await both('tool'),
      await both('other'),
    ];
    const stays = noise(MEGABYTE);
    const dockerfile = (tool: string): string =>
      `FROM ${tool} AS early\nFROM ${base}\nCOPY stays /\nCOPY --from=early /tool /tool\n`;
    await build(here, { stays }, undefined, dockerfile(former));
    const before = await publish(here);

    const layers = await there.images.lendLayers(before, { tag: 'lent', signal });
    const appended = `${dockerfile(later)}COPY --from=${other} /other /other\n`;
    const built = await build(there, { stays }, layers, appended);
    layers.close();
    const known = await listStoredDigests(blobs, before.manifestDigest as Digest);
    const published = await publish(there, known);

    expect(built).toMatchObject({ steps: 3, cachedSteps: 1 });
    expect(published.diffIds.slice(0, 2)).toEqual(before.diffIds.slice(0, 2));
    expect(published.bytesUploaded).toBeLessThan(MEGABYTE / 10);
  });

  it('are not where the last stage begins with another, though an earlier one begins alike', async () => {
    const [base, another, tool] = [await both('base'), await both('base'), await both('tool')];
    const stays = noise(MEGABYTE);
    const dockerfile = (ground: string): string =>
      `FROM ${tool} AS early\nFROM ${ground}\nCOPY stays /\nCOPY --from=early /tool /tool\n`;
    await build(here, { stays }, undefined, dockerfile(base));
    const before = await publish(here);

    const layers = await there.images.lendLayers(before, { tag: 'lent', signal });
    const built = await build(there, { stays }, layers, dockerfile(another));
    layers.close();

    expect(built).toMatchObject({ steps: 2, cachedSteps: 0 });
  });
});
