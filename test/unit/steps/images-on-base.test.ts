import { expect, it } from '@jest/globals';
import { imageTaskId } from '../../../model/pure/ids.ts';
import { imagesOnBase } from '../../../steps/images-on-base.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { digestOf } from '../../helpers/bytes.ts';

const REFERENCE = 'debian:bookworm';
const [former, renewed] = [digestOf('former'), digestOf('renewed')];
const digest = digestOf('a manifest');

async function build(
  { index }: Store,
  name: string,
  of: { readonly day: number; readonly on?: string; readonly parent?: string },
): Promise<string> {
  const key = { domain: 'demo', name, imageHash: `${name}${of.day}` };
  const stored = { manifestDigest: digest, configDigest: digest, diffIds: [], sizeBytes: 1 };
  const bases: Record<string, string> = of.on === undefined ? {} : { [REFERENCE]: of.on };
  const inputs = { contextHash: 'c', args: {}, platform: 'linux/amd64', parent: of.parent ?? null, bases };
  const created = `2026-01-0${of.day}T00:00:00.000Z`;
  const taskId = imageTaskId({ ...key, level: 1 });
  await index.write(key, 1, { version: 1, ...stored, taskId, run: 0, created, inputs });
  return key.imageHash;
}

it('Images are on another resolution of a base by their newest build, or by that of their parents', async () => {
  const store = emptyStore();
  await build(store, 'behind', { day: 1, on: renewed });
  const behind = await build(store, 'behind', { day: 2, on: former });
  await build(store, 'renewed', { day: 1, on: former });
  const afresh = await build(store, 'renewed', { day: 2, on: renewed });
  const child = await build(store, 'child', { day: 3, parent: behind });
  await build(store, 'grandchild', { day: 1, parent: child });
  await build(store, 'other-child', { day: 3, parent: afresh });

  const base = { domain: 'demo', platform: 'linux/amd64', reference: REFERENCE, digest: renewed } as const;

  expect(await imagesOnBase(store, { ...base, level: 1 })).toEqual(['behind', 'child', 'grandchild']);
  expect(await imagesOnBase(store, { ...base, level: 3 })).toEqual([]);
  expect(await imagesOnBase(store, { ...base, level: 1, platform: 'linux/arm64' })).toEqual([]);
});
