import { describe, expect, it } from '@jest/globals';
import { PartBuffers, partBytesOf } from '../../../store/part-buffers.ts';
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
    const buffers = new PartBuffers({ partBytes: 10, partsOfOneSize: 3 });
    const [first, second] = [buffers.take(), buffers.take()];
    buffers.giveBack(first);

    expect(buffers.take()).toBe(first);
    buffers.giveBack(second);
    expect(buffers.take()).toHaveLength(20);
    buffers.giveBack(first);
    expect(buffers.take()).toHaveLength(20);
  });
});
