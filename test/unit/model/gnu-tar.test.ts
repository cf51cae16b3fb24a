import { createHash } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { tarHeader } from '../../../model/gnu-tar.ts';

/** By Python's `tarfile` in GNU format, device numbers written as taskgraph has them. */
it.each([
  [
    8 ** 11 - 1,
    '373737373737373737373700',
    '4b6a9139b97f8881c1f021e1ba1d07325b7ba4110a5f874746271ba8e072c0da',
  ],
  [8 ** 11, '800000000000000200000000', '2793241ef6008b3acb93aa8ebbdad4bd9c7a272197069917621427606b764d73'],
  [
    20_935_613_493,
    '8000000000000004dfdc1c35',
    '5619b7dd77d83e8006e7eb0506d56e0bd4024f00e7b98d2435f65538d7cd9c55',
  ],
])('The header of a file of %d bytes is the oracle’s, to the byte', (sizeBytes, size, sha256) => {
  const header = tarHeader({
    name: Buffer.from('big.bin'),
    mode: 0o644,
    sizeBytes,
    mtimeSeconds: 1_451_606_400,
    type: 'file',
  });

  expect(header.subarray(124, 136).toString('hex')).toBe(size);
  expect(createHash('sha256').update(header).digest('hex')).toBe(sha256);
});

it('Numbers of owners are written whole, however large', () => {
  const entry = { name: Buffer.from('a'), mode: 0o644, sizeBytes: 0, mtimeSeconds: 0, type: 'file' } as const;

  const small = tarHeader({ ...entry, owner: { uid: 1000, gid: 8 ** 7 - 1 } });
  const large = tarHeader({ ...entry, owner: { uid: 8 ** 7, gid: 4_294_967_294 } });

  expect(small.toString('latin1', 108, 124)).toBe('0001750\u00007777777\u0000');
  expect(large.toString('hex', 108, 124)).toBe('800000000020000080000000fffffffe');
});
