import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { Transform } from 'node:stream';

export type Compression = 'none' | 'gzip' | 'zstd';

/** So many bytes tell the compression. */
export const MAGIC_BYTES = 6;

const CHUNK_BYTES = 256 * 1024;

const MAGIC: readonly (readonly [Compression | 'bzip2' | 'xz', readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** How bytes are compressed, by their first ones: names and media types lie. @throws {TypeError} when nobody here unpacks it. */
export function compressionOf(start: Buffer): Compression {
  const found = MAGIC.find(([, magic]) => magic.every((byte, at) => start[at] === byte))?.[0] ?? 'none';
  if (found === 'bzip2' || found === 'xz')
    throw new TypeError(`it is compressed with ${found}; plain, gzip and zstd are read`);
  return found;
}

export function createUnpacker(compression: 'gzip' | 'zstd'): Transform {
  return compression === 'gzip'
    ? createGunzip({ chunkSize: CHUNK_BYTES })
    : createZstdDecompress({ chunkSize: CHUNK_BYTES });
}
