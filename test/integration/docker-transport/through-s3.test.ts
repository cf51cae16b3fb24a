import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type Docker from 'dockerode';
import { startImageEndpoint } from '../../../docker/endpoint/image-endpoint.ts';
import type { ImageEndpoint } from '../../../docker/endpoint/image-endpoint.ts';
import { expectedId } from '../../../docker/transport/engine-images.ts';
import { loadImage } from '../../../docker/transport/load.ts';
import { publishImage } from '../../../docker/transport/publish.ts';
import { listStoredDigests } from '../../../docker/transport/stored-image.ts';
import { readEngineInfo } from '../../../docker/engine-info.ts';
import type { TransportContext } from '../../../docker/transport/transport-context.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import { createBlobStore } from '../../../store/blob-store.ts';
import type { S3ObjectStore } from '../../../store/s3-object-store.ts';
import { testFleet } from '../../helpers/dev-engine.ts';
import { makeImage, noise, removeImages, testEngine } from '../../helpers/engine-images.ts';
import type { Layer } from '../../helpers/engine-images.ts';
import { openTestBucket } from '../../helpers/s3-test-server.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';
import { tinyProgram } from '../../helpers/tiny-program.ts';

jest.setTimeout(180_000);

const signal = new AbortController().signal;
const made: string[] = [];
let docker: Docker;
let objects: S3ObjectStore;
let endpoint: ImageEndpoint;
let second: SecondEngine;
let builder: TransportContext;
let runner: TransportContext;

beforeAll(async () => {
  docker = testEngine();
  objects = await openTestBucket();
  const blobs = createBlobStore(objects);
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
  objects?.close();
  if (docker) await removeImages(docker, made);
});

const build = async (from?: string): Promise<string> => {
  const layers: Layer[] = [
    { 'bin/true': tinyProgram('it runs\n'), bulk: noise(20_000_000) },
    { small: noise(1000) },
  ];
  const { tag } = await makeImage(docker, {
    ...(from ? { from } : {}),
    layers: from ? layers.slice(1) : layers,
  });
  made.push(tag);
  return tag;
};

const uploads = async (): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of objects.list('uploads/')) keys.push(key);
  return keys;
};

describe('images in S3', () => {
  it.each(['endpoint', 'tar'] as const)('go there and to another engine by %s', async (way) => {
    const tag = await build();
    const by = way === 'tar' ? { endpoint: undefined } : {};
    const published = await publishImage({ ...builder, ...by }, tag, { signal, mayConfirm: () => false });
    const loaded = await loadImage({ ...runner, ...by }, published, { signal, tag: way });
    expect([published.way, loaded.way]).toEqual([way, way]);
    expect(published.bytesUploaded).toBeGreaterThan(20_000_000);
    expect(published.diffIds).toEqual((await docker.getImage(tag).inspect()).RootFS.Layers);
    expect(loaded.engineImageId).toBe(expectedId(runner, published));
    const container = await second.docker.createContainer({
      Image: loaded.engineImageId,
      HostConfig: { NetworkMode: 'none' },
    });
    await container.start();
    expect(await container.wait()).toMatchObject({ StatusCode: 0 });
    await container.remove();
    expect(await uploads()).toEqual([]);
  });

  it('go there by several pushes at once which have the same new layers', async () => {
    const tag = await build();

    const published = await Promise.all(
      [1, 2, 3].map(() => publishImage(builder, tag, { signal, mayConfirm: () => false })),
    );

    expect(published.map(({ way, fellBack }) => [way, fellBack])).toEqual(
      Array(3).fill(['endpoint', undefined]),
    );
    expect(new Set(published.map(({ manifestDigest }) => manifestDigest)).size).toBe(1);
    expect(await uploads()).toEqual([]);
  });

  it('move only what changed', async () => {
    const base = await build();
    const first = await publishImage(builder, base, { signal, mayConfirm: () => false });
    const known = await listStoredDigests(builder.blobs, first.manifestDigest as Digest);
    const child = await build(base);
    const second = await publishImage(builder, child, {
      signal,
      mayConfirm: (digest) => known.includes(digest),
    });
    await loadImage(runner, first, { signal, tag: 'base' });
    const loaded = await loadImage(runner, second, { signal, tag: 'child' });
    expect(second.bytesUploaded).toBeLessThan(20_000);
    expect(loaded.bytesLoaded).toBeLessThan(20_000);
    expect(loaded.bytesLoaded).toBeGreaterThan(1000);
  });
});
