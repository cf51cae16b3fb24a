import { describe, expect, it } from '@jest/globals';
import { BufferPool, PartBuffers, partBytesOf } from '../../../store/part-buffers.ts';
import { S3_LIMITS } from '../../../store/s3-session.ts';

const GIB = 1024 ** 3;
const S3_MAX_PARTS = 10_000;

describe('the parts of a body', () => {
  it('hold more than any image unpacks to, and are small for the first 10 GB', () => {
    const sizes = Array.from({ length: S3_MAX_PARTS }, (_, n) => partBytesOf(n + 1, S3_LIMITS));

    expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(300 * GIB);
    expect(new Set(sizes.slice(0, 2000))).toEqual(new Set([5 * 1024 ** 2]));
    expect(sizes.at(-1)).toBe(80 * 1024 ** 2);
  });

  it('are filled into buffers that were sent, as long as they have the size', () => {
    using buffers = new PartBuffers({ partBytes: 10, partsOfOneSize: 3 }, new BufferPool());
    const [first, second] = [buffers.take(), buffers.take()];
    buffers.giveBack(first);

    expect(buffers.take().buffer).toBe(first.buffer);
    buffers.giveBack(second);
    expect(buffers.take()).toHaveLength(20);
  });

  it('are filled into what another body has sent, be it the beginning of a buffer', () => {
    const pool = new BufferPool();
    using one = new PartBuffers({ partBytes: 10, partsOfOneSize: 3 }, pool);
    using other = new PartBuffers({ partBytes: 10, partsOfOneSize: 3 }, pool);
    const [first, kept] = [one.take(), one.take()];
    one.giveBack(first.subarray(0, 4));

    const again = other.take();

    expect(again).toHaveLength(10);
    expect(again.buffer).toBe(first.buffer);
    expect(kept.buffer).not.toBe(first.buffer);
  });

  it('are in buffers that nobody keeps when all have ended, also those that failed', () => {
    const pool = new BufferPool();
    const sent = pool.take(10);
    {
      using failed = new PartBuffers({ partBytes: 10, partsOfOneSize: 3 }, pool);
      failed.take();
      pool.giveBack(sent);
    }

    expect(pool.take(10).buffer).not.toBe(sent.buffer);
  });
});
