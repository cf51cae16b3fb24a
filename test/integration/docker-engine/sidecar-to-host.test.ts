import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { dockerAt } from '../../../docker/client.ts';
import { connectEngine } from '../../../docker/connect.ts';
import type { Engine } from '../../../docker/engine.ts';
import { sidecarContext, sidecarImageTag } from '../../../docker/sidecar/sidecar-image.ts';
import { ensureSidecar } from '../../../docker/sidecar/sidecar.ts';
import type { Sidecar } from '../../../docker/sidecar/sidecar.ts';
import { removeFleet } from '../../../docker/sweep.ts';
import { contextOf, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';

const TEST_TIMEOUT_MS = 300_000;

describe('an image built in a sidecar', () => {
  const fleet = testFleet();
  const own = `${fleet}-own`;
  let directory: string;
  let sidecar: Sidecar;
  let builder: Engine;
  let runner: Engine;
  let signal: AbortSignal;

  beforeAll(async () => {
    signal = AbortSignal.timeout(TEST_TIMEOUT_MS);
    directory = await mkdtemp(join(tmpdir(), 'sw-'));
    const blobs = await DirectoryBlobs.create(join(directory, 'blobs'));
    runner = await connectEngine({ address: DEV_ENGINE, blobs, reach: { kind: 'loopback' }, fleet });
    if (!(await runner.images.find(sidecarImageTag())))
      await runner.images.build(sidecarContext(), {
        imageName: 'sidecar',
        tag: sidecarImageTag(),
        args: {},
        signal,
        onOutput: () => undefined,
      });
    sidecar = await ensureSidecar({
      host: DEV_ENGINE,
      fleet,
      domain: 'demo',
      level: 3,
      image: sidecarImageTag(),
      runtimeDirectory: directory,
      signal,
    });
    builder = await connectEngine({ address: sidecar.address, blobs, reach: sidecar.reach, fleet });
  }, TEST_TIMEOUT_MS);
  afterAll(async () => {
    await runner?.images.remove(`slipway.invalid/image:${own}`);
    await builder?.close();
    await runner?.close();
    await removeFleet(DEV_ENGINE, fleet, { volumes: true });
    await rm(directory, { recursive: true });
  }, TEST_TIMEOUT_MS);

  it(
    'reaches the engine of the tasks through the store, and its base goes the other way',
    async () => {
      const base = await runner.images.publish('debian:bookworm', { signal, mayConfirm: () => false });
      expect(base.way).toBe('endpoint');
      const loadedBase = await builder.images.load(base, { signal, tag: 'base' });
      expect(loadedBase).toMatchObject({ way: 'endpoint', bytesLoaded: expect.any(Number) });
      await builder.images.tag(loadedBase.engineImageId, 'debian:bookworm');

      const { engineImageId } = await builder.images.build(
        contextOf({ Dockerfile: `FROM debian:bookworm\nRUN echo ${fleet} > /made\nCMD ["cat", "/made"]` }),
        { imageName: 'made', tag: 'slipway.invalid/build:1', args: {}, signal, onOutput: () => undefined },
      );
      const published = await builder.images.publish(engineImageId, { signal, mayConfirm: () => true });
      expect(published).toMatchObject({ way: 'endpoint', configDigest: engineImageId });
      expect(published.bytesUploaded).toBeLessThan(100_000);

      const loaded = await runner.images.load(published, { signal, tag: own });
      expect(loaded).toMatchObject({ way: 'endpoint' });
      expect(loaded.bytesLoaded).toBeLessThan(100_000);
      expect((await runner.images.load(published, { signal, tag: own })).way).toBe('present');

      const name = `slipway-${fleet}-task`;
      await runner.containers.ensureCreated(
        {
          name,
          engineImageId: loaded.engineImageId,
          env: {},
          labels: {},
          resources: { pids: 16, shmBytes: 65536 },
        },
        signal,
      );
      await runner.containers.start(name);
      expect(await text(await runner.containers.output(name, signal))).toBe(`${fleet}\n`);
      await runner.containers.remove(name);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'is lost when the sidecar dies in the middle, which may be tried again',
    async () => {
      const built = builder.images.build(
        contextOf({ Dockerfile: `FROM debian:bookworm\nRUN echo ${fleet} begins; sleep 1000` }),
        {
          imageName: 'lost',
          tag: 'slipway.invalid/build:2',
          args: {},
          signal,
          onOutput: (output) => {
            if (output.includes(`${fleet} begins`) && !output.includes('RUN')) void kill();
          },
        },
      );
      await expect(built).rejects.toMatchObject({ type: 'EngineUnavailable', retryable: true });
      await expect(builder.info()).rejects.toMatchObject({ type: 'EngineUnavailable' });
    },
    TEST_TIMEOUT_MS,
  );

  async function kill(): Promise<void> {
    await delay(100);
    const host = dockerAt(DEV_ENGINE);
    const [found] = await host.listContainers({ filters: { label: [`slipway.fleet=${fleet}`] } });
    await host.getContainer(found!.Id).kill();
  }
});
