import { Readable } from 'node:stream';
import { beforeEach, expect, it } from '@jest/globals';
import type { Digest } from '../../../model/pure/ids.ts';
import type { UsedCache } from '../../../steps/build-in-engine.ts';
import { findSilentMiss } from '../../../steps/silent-miss.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';

type Image = UsedCache['image'];

const digest = (name: string): Digest => `sha256:${name.padEnd(64, '0')}`;

const { signal } = new AbortController();
/** Two layers, and what was written down after them. */
const GROUND = [
  { created_by: '/bin/sh -c #(nop) ADD file:1 in /' },
  { created_by: 'RUN /bin/sh -c apt-get update # buildkit' },
  { created_by: 'CMD ["bash"]', empty_layer: true },
];
const RUN = { created_by: 'RUN /bin/sh -c make # buildkit' };
const COPY = { created_by: 'COPY a / # buildkit' };
const ENV = (value: string): object => ({ created_by: `ENV A=${value}`, empty_layer: true });

let store: Store;
beforeEach(() => {
  store = emptyStore();
});

async function imageOf(steps: readonly object[], layers: readonly string[]): Promise<Image> {
  const config = Buffer.from(JSON.stringify({ history: [...GROUND, ...steps] }));
  const { digest: configDigest } = await store.blobs.writeUnknown(Readable.from([config]), { signal });
  const diffIds = ['a', 'b', ...layers].map(digest);
  return { manifestDigest: digest('f'), configDigest, diffIds, sizeBytes: 0 };
}

async function missOf(
  earlier: readonly object[],
  built: readonly object[],
  {
    cachedSteps = 0,
    trouble,
    isOnOtherGround,
    parentLayers,
  }: {
    readonly cachedSteps?: number;
    readonly trouble?: string;
    readonly isOnOtherGround?: true;
    readonly parentLayers?: readonly string[];
  } = {},
): Promise<string | undefined> {
  const image = await imageOf(earlier, ['1', '2']);
  const cache = { imageHash: 'ab', image, bytesLoaded: 0, isOnOtherGround, ...(trouble ? { trouble } : {}) };
  const parent = parentLayers ? { parent: await imageOf([], parentLayers) } : {};
  return findSilentMiss(
    store.blobs,
    { cache, cachedSteps },
    { built: await imageOf(built, ['3', '4']), ...parent },
    signal,
  );
}

it('A build that took nothing of an earlier image is odd where both begin with the same RUN', async () => {
  expect(await missOf([RUN, COPY], [RUN, RUN])).toBe(
    'it had none of the steps, though the first one reads the same',
  );
  expect(await missOf([ENV('1'), RUN], [ENV('1'), RUN])).toBeDefined();
  const withArguments = { created_by: '|1 A=1 /bin/sh -c make' };
  expect(await missOf([withArguments], [withArguments])).toBeDefined();
});

it('It is not where the first step is another one or copies files, steps were taken, or the reason is known', async () => {
  expect(await missOf([RUN, COPY], [{ created_by: 'RUN /bin/sh -c make all # buildkit' }])).toBeUndefined();
  expect(await missOf([ENV('1'), RUN], [ENV('2'), RUN])).toBeUndefined();
  expect(await missOf([COPY, RUN], [COPY, RUN])).toBeUndefined();
  const older = { created_by: '/bin/sh -c #(nop) COPY file:1 in /' };
  expect(await missOf([older], [older])).toBeUndefined();
  expect(await missOf([RUN], [RUN], { cachedSteps: 1 })).toBeUndefined();
  expect(await missOf([RUN], [RUN], { trouble: 'parts of it are missing in the store' })).toBeUndefined();
  expect(await missOf([RUN], [RUN], { isOnOtherGround: true })).toBeUndefined();
  expect(await missOf([RUN], [RUN], { parentLayers: [] })).toBeDefined();
  expect(await missOf([RUN], [RUN], { parentLayers: ['3'] })).toBeUndefined();
  expect(await missOf([], [])).toBeUndefined();
});

it('Nothing is said of an earlier image that the store has no longer', async () => {
  const built = await imageOf([RUN], ['3']);
  const image = { ...built, configDigest: digest('0'), diffIds: ['a', 'b', '1'].map(digest) };
  const cache = { imageHash: 'ab', image, bytesLoaded: 0 };

  expect(await findSilentMiss(store.blobs, { cache, cachedSteps: 0 }, { built }, signal)).toBeUndefined();
});
