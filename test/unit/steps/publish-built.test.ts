import { describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../docker/engine.ts';
import { EngineRequestFailed, EngineUnavailable } from '../../../model/errors.ts';
import type { Plan, PlannedImage } from '../../../model/schema/plan.ts';
import { publishBuilt } from '../../../steps/publish-built.ts';
import { emptyStore } from '../../../store/empty-store.ts';

const PUBLISHED = { manifestDigest: 'sha256:1', bytesUploaded: 5 };
const wanted = {
  plan: { domain: 'demo', level: 1 } as Plan,
  planned: { name: 'lint', imageHash: 'ab', inputs: { bases: {} } } as unknown as PlannedImage,
  input: { taskId: 'image/demo/1/lint/ab', name: 'lint', pushId: 'p', plannedAt: '', run: 0 },
  tag: 'slipway.invalid/build:1',
};

/** Publishes from an engine that refuses to give the image another name, and has it, or not. */
function publish(refusal: Error, has: string | undefined): ReturnType<typeof publishBuilt> {
  const images = {
    publish: () => Promise.resolve(PUBLISHED),
    tag: () => Promise.reject(refusal),
    find: () => Promise.resolve(has),
    use: () => Promise.resolve(),
  };
  const context = {
    signal: new AbortController().signal,
    isCanceled: () => false,
    onProgress: () => undefined,
  };
  return publishBuilt(emptyStore(), { images } as unknown as Engine, wanted, context);
}

describe('an image that is published', () => {
  it('is, also when somebody has removed it from the engine meanwhile', async () => {
    const gone = new EngineUnavailable('unix:///engine', 'tag image: somebody has removed it');

    expect(await publish(gone, undefined)).toMatchObject({ published: PUBLISHED });
  });

  it('is to have its own name in an engine that has it', async () => {
    const refusal = new EngineRequestFailed('tag image', 400, 'invalid name');

    await expect(publish(refusal, 'sha256:2')).rejects.toBe(refusal);
  });
});
