import type { Level } from '../model/pure/ids.ts';
import { levelProbeKey } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import { refusalIn } from './s3-errors.ts';
import type { Refusal } from './s3-errors.ts';

/**
 * Whether the keys of a store may write and delete below `level-<L>/`, by trying it; leaves nothing behind.
 * @throws {StoreUnavailable} when the server does not answer.
 */
export async function mayWriteLevel(
  objects: ObjectStore,
  level: Level,
  signal?: AbortSignal,
): Promise<boolean> {
  return (await whyNotWritable(objects, level, signal)) === undefined;
}

/** The same, with what the server says when they may not; undefined: they may. @throws {StoreUnavailable} when it does not answer. */
export async function whyNotWritable(
  objects: ObjectStore,
  level: Level,
  signal?: AbortSignal,
): Promise<Refusal | undefined> {
  const key = levelProbeKey(level);
  try {
    await objects.put(key, Buffer.from('May this level be written?'), signal ? { signal } : {});
    await objects.delete([key], signal);
    return undefined;
  } catch (error) {
    const refusal = refusalIn(error);
    if (refusal) return refusal;
    throw error;
  }
}
