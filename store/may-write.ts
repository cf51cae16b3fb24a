import type { Level } from '../model/pure/ids.ts';
import { levelProbeKey } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import { isRefused } from './s3-errors.ts';

/**
 * Whether the keys of a store may write and delete below `level-<L>/`, by trying it; leaves nothing behind.
 * @throws {StoreUnavailable} when the server does not answer.
 */
export async function mayWriteLevel(
  objects: ObjectStore,
  level: Level,
  signal?: AbortSignal,
): Promise<boolean> {
  const key = levelProbeKey(level);
  try {
    await objects.put(key, Buffer.from('May this level be written?'), signal ? { signal } : {});
    await objects.delete([key], signal);
    return true;
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}
