import { describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { demultiplex } from '../../../docker/containers/demultiplex.ts';

function frame(stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

function inPieces(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
}

describe('the output of a container', () => {
  it('is the same however the engine cuts it', async () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })));
    await fc.assert(
      fc.asyncProperty(frames, fc.integer({ min: 1, max: 50 }), async (parts, size) => {
        const bytes = Buffer.concat(parts.map(([stream, payload]) => frame(stream, payload)));
        const out = await buffer(Readable.from(inPieces(bytes, size)).pipe(demultiplex()));
        expect(out.equals(Buffer.concat(parts.map(([, payload]) => payload)))).toBe(true);
      }),
    );
  });

  it('that ends in the middle of a frame is an error', async () => {
    const bytes = frame(1, Buffer.from('whole')).subarray(0, 10);
    await expect(buffer(Readable.from([bytes]).pipe(demultiplex()))).rejects.toThrow('in the middle');
  });
});
