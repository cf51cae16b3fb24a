import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../docker/engine.ts';
import {
  BaseUnavailable,
  EngineRequestFailed,
  EngineUnavailable,
  ImageBuildFailed,
  ImageUnavailable,
} from '../../../model/errors.ts';
import { makeSidecarImage } from '../../../steps/make-sidecar-image.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const BASE = 'debian:bookworm';
const IMAGE = 'slipway.invalid/sidecar:1';

let store: Store;
beforeEach(() => {
  store = createStore(createMemoryObjectStore());
});

async function recordBase(): Promise<void> {
  const { stored } = await putImage(store.blobs, await anImage());
  await store.index.recordBase('_shared', 3, {
    version: 1,
    ...stored,
    reference: BASE,
    platform: 'linux/amd64',
    resolved: '2026-01-01T00:00:00.000Z',
    source: 'pulled',
  });
}

/** As much of an engine as is asked here; somebody prunes it during the first `prunes` builds. */
function prunedEngine(
  prunes: number,
  failure?: Error,
): { host: Engine; images: Set<string>; builds: () => number } {
  const images = new Set<string>();
  let builds = 0;
  const parts: Pick<Engine, 'address' | 'info'> & { images: Partial<Engine['images']> } = {
    address: 'unix:///engine',
    info: () => Promise.resolve({ platform: 'linux/amd64' } as Awaited<ReturnType<Engine['info']>>),
    images: {
      find: (name) => Promise.resolve(images.has(name) ? { engineImageId: name } : undefined) as never,
      load: (_record, { tag }) => {
        images.add(tag);
        return Promise.resolve({ engineImageId: tag }) as never;
      },
      tag: (id, name) => {
        if (!images.has(id)) return Promise.reject(new Error(`No such image: ${id}`));
        images.add(name);
        return Promise.resolve();
      },
      build: (_context, { tag }) => {
        builds += 1;
        if (failure) return Promise.reject(failure);
        if (builds <= prunes) images.clear();
        if (!images.has(BASE)) return Promise.reject(new BaseUnavailable(BASE, 'no registry'));
        images.add(tag);
        return Promise.resolve({}) as never;
      },
    },
  };
  return { host: parts as Engine, images, builds: () => builds };
}

const make = (host: Engine, image = IMAGE): Promise<void> =>
  makeSidecarImage(host, store, { image, signal: new AbortController().signal });

describe('makeSidecarImage', () => {
  it('brings the base from the store and builds on it', async () => {
    await recordBase();
    const { host, images, builds } = prunedEngine(0);
    await make(host);
    expect(images.has(IMAGE)).toBe(true);
    expect(builds()).toBe(1);
  });

  it('brings the base again when somebody prunes it from under the build', async () => {
    await recordBase();
    const { host, images, builds } = prunedEngine(2);
    await make(host);
    expect(images.has(IMAGE)).toBe(true);
    expect(builds()).toBe(3);
  });

  it('gives up on an engine that never keeps the base, saying whose it is', async () => {
    await recordBase();
    const { host, builds } = prunedEngine(Infinity);
    const failure = await make(host).catch((error: unknown) => error);
    expect(failure).toMatchObject({ type: 'ConfigInvalid' });
    expect(String(failure)).toContain('is gone from unix:///engine and cannot be made there');
    expect(builds()).toBe(5);
  });

  it('asks once when nobody has the base', async () => {
    const { host, builds } = prunedEngine(0);
    await expect(make(host)).rejects.toMatchObject({ type: 'ConfigInvalid' });
    expect(builds()).toBe(1);
  });

  it('leaves a step that failed, as when a mirror is away, to the retry of its caller', async () => {
    await recordBase();
    const failed = { step: 'RUN apt-get update', exitCode: 100, lastLines: ['Temporary failure resolving'] };
    const { host } = prunedEngine(0, new ImageBuildFailed('sidecar', failed as never, 'executor failed'));
    const failure = await make(host).catch((error: unknown) => error);
    expect(failure).toMatchObject({ type: 'EngineRequestFailed', retryable: true });
    expect(String(failure)).toContain('RUN apt-get update');
    expect(String(failure)).toContain('Temporary failure resolving');
  });

  it.each([
    ['is in trouble', 'EngineRequestFailed', new EngineRequestFailed('pull', undefined, '503')],
    ['says no', 'ConfigInvalid', new ImageUnavailable('registry.example/sidecar:1', 'denied')],
  ])('of another image whose registry %s ends as %s', async (_what, type, failure) => {
    const images = { pull: () => Promise.reject(failure) } as Partial<Engine['images']>;
    const host = { address: 'unix:///engine', images } as Engine;
    await expect(make(host, 'registry.example/sidecar:1')).rejects.toMatchObject({ type });
  });

  it('leaves an engine that is away to the retry of its caller', async () => {
    await recordBase();
    const { host, builds } = prunedEngine(0, new EngineUnavailable('unix:///engine', 'gone'));
    await expect(make(host)).rejects.toMatchObject({ type: 'EngineUnavailable' });
    expect(builds()).toBe(1);
  });
});
