import { describe, expect, it } from '@jest/globals';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore, PutOptions } from '../../../store/object-store.ts';
import { probeStore } from '../../../store/probe.ts';

/** A server that drops some of what is asked of it, as some S3 servers do. */
function aServerThatDrops(drops: (options: PutOptions) => PutOptions): ObjectStore {
  const objects = createMemoryObjectStore();
  return {
    ...objects,
    put: (key, body, options = {}) => objects.put(key, body, drops(options)),
    putStream: (key, body, options = {}) => objects.putStream(key, body, drops(options)),
  };
}

describe('probeStore', () => {
  it.each([
    [
      'creates over an object',
      'conditionalPut',
      (o: PutOptions) => (o.onlyIf === 'absent' ? { ...o, onlyIf: undefined } : o),
    ],
    [
      'replaces a changed object',
      'conditionalReplace',
      (o: PutOptions) => (typeof o.onlyIf === 'object' ? { ...o, onlyIf: undefined } : o),
    ],
    ['does not look at digests', 'checksums', (o: PutOptions) => ({ ...o, sha256: undefined })],
  ])('sees a server that %s', async (_, lacking, drops) => {
    const objects = aServerThatDrops(drops);

    const probe = await probeStore(objects);

    expect(probe).toEqual({
      conditionalPut: true,
      conditionalReplace: true,
      checksums: true,
      [lacking]: false,
    });
    for await (const { key } of objects.list('')) throw new Error(`It left ${key} behind`);
  });
});
