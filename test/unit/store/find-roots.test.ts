import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { RootsOptions } from '../../../store/collect/find-roots.ts';
import { findRoots } from '../../../store/collect/find-roots.ts';
import { formerPlanKey, pushKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import { countReads } from '../../helpers/counted-reads.ts';

/** How many of these plans are read at once, and the images that they name. */
async function read(
  padding: number,
): Promise<{ readonly atOnce: number; readonly images: readonly string[] }> {
  const objects = createMemoryObjectStore();
  const digests = Array.from({ length: 12 }, (_, at) => `sha256:${`${at}`.padStart(64, '0')}`);
  for (const [at, manifestDigest] of digests.entries()) {
    const image = { stored: { manifestDigest }, inputs: { bases: {} } };
    const body = Buffer.from(JSON.stringify({ images: [image], of: 'x'.repeat(padding) }));
    // Of each push its plan, and one that was made before.
    const pushId = `push/demo/1/${`${at >> 1}`.padStart(40, '0')}`;
    const key = at % 2 ? pushKey(pushId, 'plan') : formerPlanKey(pushId, '2026-01-01T00:00:00.000Z');
    await objects.put(key, body, {});
  }
  const slow: ObjectStore = { ...objects, get: async (key) => delay(5).then(() => objects.get(key)) };
  const counted = countReads(slow);
  const images: string[] = [];
  await findRoots(counted.objects, {
    signal: new AbortController().signal,
    nowMs: 0,
    graceMs: 0,
    lifeMs: () => 0,
    onRoot: (manifest: string) => Promise.resolve(void images.push(manifest)),
    goOn: () => Promise.resolve(),
  } as unknown as RootsOptions);
  expect(images.sort()).toEqual(digests);
  return { atOnce: counted.mostAtOnce(), images };
}

it('Many plans are read at once, but one of the large ones at a time: each takes some 100 MB', async () => {
  expect((await read(0)).atOnce).toBeGreaterThan(4);
  expect((await read(1_000_000)).atOnce).toBe(1);
});
