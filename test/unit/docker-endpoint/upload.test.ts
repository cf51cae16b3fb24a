import { setTimeout as delay } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { Upload } from '../../../docker/endpoint/upload.ts';
import type { BlobStore } from '../../../model/blob-store.ts';
import { StoreOutOfSpace } from '../../../model/errors.ts';

const MIB = 1024 ** 2;
const DIGEST = `sha256:${'a'.repeat(64)}` as const;

/** Takes some of a body, closes it, takes back what came, and then says why; the signal's reason when it was aborted by then. */
async function fill(body: Readable, signal?: AbortSignal): Promise<never> {
  let bytes = 0;
  for await (const chunk of body) if ((bytes += (chunk as Buffer).length) > 3 * MIB) break;
  await delay(100);
  signal?.throwIfAborted();
  throw new StoreOutOfSpace('UploadPart', 'slipway', 'key', 'no space left');
}
const fullStore = {
  writeUnknown: (body: Readable, { signal }: { signal?: AbortSignal }) => fill(body, signal),
  write: (_digest: string, _size: number, body: Readable, signal?: AbortSignal) => fill(body, signal),
} as unknown as BlobStore;

const aLayer = (): Readable => Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(MIB)));

describe('an upload into a store that is full', () => {
  it('fails with what the store says, not with the end of its body, when it is appended', async () => {
    const upload = new Upload(fullStore, () => undefined);

    await expect(upload.append(aLayer())).rejects.toMatchObject({ type: 'StoreOutOfSpace' });
  });

  it('and when it comes whole', async () => {
    const upload = new Upload(fullStore, () => undefined);

    await expect(upload.storeWhole(aLayer(), DIGEST, 40 * MIB)).rejects.toMatchObject({
      type: 'StoreOutOfSpace',
    });
  });
});
