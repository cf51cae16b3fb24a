import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { dockerAt } from '../../../docker/client.ts';
import type { Engine } from '../../../docker/engine.ts';
import { pullImage } from '../../../docker/images/pull-image.ts';
import { registryDigest } from '../../../docker/images/registry-digest.ts';
import { limitSilence } from '../../../docker/limit-silence.ts';
import { connectDevEngine, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';
import type { ImageRegistry, Refusal } from '../../helpers/image-registry.ts';
import { startImageRegistry } from '../../helpers/image-registry.ts';

jest.setTimeout(60_000);

const context = { signal: new AbortController().signal };

describe('a pull from a registry', () => {
  let registry: ImageRegistry;
  let engine: Engine;
  beforeAll(async () => {
    registry = await startImageRegistry({});
    engine = await connectDevEngine(testFleet());
  });
  afterAll(async () => {
    await engine?.close();
    await registry?.[Symbol.asyncDispose]();
  });

  const pull = (reference: string) => engine.images.pull(reference, context);

  it.each<[string, Refusal]>([
    ['has no such image', { status: 404, code: 'MANIFEST_UNKNOWN' }],
    ['has no such repository', { status: 404, code: 'NAME_UNKNOWN' }],
    ['does not know who asks', { status: 401, code: 'UNAUTHORIZED' }],
    ['has none for whoever asks', { status: 403, code: 'DENIED' }],
  ])('that %s is final', async (_claim, refusal) => {
    registry.refuse('final', refusal);

    await expect(pull(`${registry.host}/final:1`)).rejects.toMatchObject({
      type: 'ImageUnavailable',
      retryable: false,
      message: expect.stringContaining(`${registry.host}/final:1`),
    });
  });

  it.each<[string, Refusal]>([
    ['is away behind its proxy', { status: 502 }],
    ['is overloaded', { status: 503, code: 'UNAVAILABLE' }],
    ['has had enough of us', { status: 429, code: 'TOOMANYREQUESTS' }],
  ])('that %s is tried again', async (_claim, refusal) => {
    registry.refuse('trouble', refusal);

    await expect(pull(`${registry.host}/trouble:1`)).rejects.toMatchObject({
      type: 'EngineRequestFailed',
      retryable: true,
    });
  });

  it('that nobody listens at is tried again', async () => {
    await expect(pull('127.0.0.1:1/none:1')).rejects.toMatchObject({
      type: 'EngineRequestFailed',
      retryable: true,
    });
  });

  it('that takes the question and says nothing is given up and tried again', async () => {
    registry.silence('silent');
    const reference = `${registry.host}/silent:1`;
    const docker = dockerAt(DEV_ENGINE);
    limitSilence(docker, { answerMs: 3_000 });
    const from = { docker, address: DEV_ENGINE, info: await engine.info(), idleMs: 3_000 };
    const passes = {
      type: 'EngineRequestFailed',
      retryable: true,
      message: expect.stringContaining('no answer within 3 s'),
    };

    await expect(registryDigest(from, reference, context.signal)).rejects.toMatchObject(passes);
    await expect(pullImage(from, reference, context)).rejects.toMatchObject(passes);
  });

  it('gives the digest that it has there, also later of the engine alone', async () => {
    await registry.put('pulled', '1', { file: Buffer.from('text') });
    const reference = `${registry.host}/pulled:1`;
    try {
      const pulled = await pull(reference);
      const found = await engine.images.findPulled(reference);

      expect(pulled.registryDigest).toBe(await engine.images.registryDigest(reference, context.signal));
      expect(found).toEqual(pulled);
      expect(await engine.images.findPulled(`${registry.host}/none:1`)).toBeUndefined();
    } finally {
      await engine.images.remove(reference);
    }
  });
});
