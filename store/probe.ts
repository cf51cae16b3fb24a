import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { isSlipwayError } from '../model/errors.ts';
import { probeKey } from './keys.ts';
import type { ObjectStore } from './object-store.ts';

export interface StoreProbe {
  /** Refuses `If-None-Match: *` where an object is. */
  readonly conditionalPut: boolean;
  /** Refuses `If-Match` where the object has changed, and takes it where it has not. */
  readonly conditionalReplace: boolean;
  /** Refuses bytes that differ from their announced digest, and leaves nothing of them. */
  readonly checksums: boolean;
}

/**
 * Tries out on the server itself what Slipway relies on; leaves nothing behind.
 *
 * @throws {StoreUnavailable} when the server does not answer.
 */
export async function probeStore(objects: ObjectStore): Promise<StoreProbe> {
  const key = probeKey(randomUUID());
  const wrongKey = `${key}-wrong`;
  try {
    await objects.put(key, Buffer.from('one'));
    const conditionalPut = await refuses(
      'WriteConflict',
      objects.put(key, Buffer.from('two'), { onlyIf: 'absent' }),
    );
    const conditionalReplace = await replacesOnlyIfUnchanged(objects, key);
    const checksums = await refuses('DigestMismatch', putWrongBytes(objects, wrongKey));
    return { conditionalPut, conditionalReplace, checksums: checksums && !(await objects.head(wrongKey)) };
  } finally {
    await objects.delete([key, wrongKey]);
  }
}

async function replacesOnlyIfUnchanged(objects: ObjectStore, key: string): Promise<boolean> {
  const { etag } = await objects.put(key, Buffer.from('three'));
  const refusedFresh = await refuses(
    'WriteConflict',
    objects.put(key, Buffer.from('four'), { onlyIf: { etag } }),
  );
  const refusedStale = await refuses(
    'WriteConflict',
    objects.put(key, Buffer.from('five'), { onlyIf: { etag } }),
  );
  return !refusedFresh && refusedStale;
}

/** As a stream that is too long for memory, since only such bytes are checked by the server alone. */
async function putWrongBytes(objects: ObjectStore, key: string): Promise<void> {
  const body = Buffer.alloc(8 * 1024 ** 2 + 1);
  const sha256 = createHash('sha256').update('others').digest('hex');
  await objects.putStream(key, Readable.from([body.subarray(0, -1), body.subarray(-1)]), {
    sizeBytes: body.length,
    sha256,
  });
}

async function refuses(type: string, writing: Promise<unknown>): Promise<boolean> {
  try {
    await writing;
    return false;
  } catch (error) {
    if (isSlipwayError(error) && error.type === type) return true;
    throw error;
  }
}
