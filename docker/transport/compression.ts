import { createGunzip } from 'node:zlib';
import type { Duplex } from 'node:stream';
import { ZstdUnpacker } from './zstd-unpacker.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** So many bytes tell the compression. */
export const MAGIC_BYTES = 6;

const CHUNK_BYTES = 256 * 1024;

type Format = Compression | 'bzip2' | 'xz';

const MAGIC: readonly (readonly [Format, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  // A frame that is to be skipped: pzstd begins with one.
  ...Array.from({ length: 16 }, (_, n) => ['zstd', [0x50 + n, 0x2a, 0x4d, 0x18]] as const),
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** How bytes are compressed, by their first ones: names and media types lie. @throws {TypeError} when nobody here unpacks it. */
export function compressionOf(start: Buffer): Compression {
  const found = formatOf(start);
  if (found === 'bzip2' || found === 'xz')
    throw new TypeError(`it is compressed with ${found}; plain, gzip and zstd are read`);
  return found;
}

/** Whether bytes are compressed with anything, also with what nobody here unpacks. */
export function isCompressed(start: Buffer): boolean {
  return formatOf(start) !== 'none';
}

/** Unpacks any number of gzip members or zstd frames. */
export type Unpacker = Duplex & {
  /** Of gzip: how many of the bytes that it was given were of a member. */
  readonly bytesWritten?: number;
};

export function createUnpacker(compression: 'gzip' | 'zstd'): Unpacker {
  const options = { chunkSize: CHUNK_BYTES };
  return compression === 'gzip' ? createGunzip(options) : new ZstdUnpacker(options);
}

/**
 * Whether there are bytes behind the end of what was unpacked, all of which came. Node passes over NUL bytes behind a gzip file, and
 * over all that follows them; engines refuse it.
 */
export function hasRest({ bytesWritten }: Unpacker, cameBytes: number): boolean {
  return bytesWritten !== undefined && bytesWritten < cameBytes;
}

/** What bytes of that name are, when unpacking them ended with such an error; undefined when it was given up for another one. */
export function asDamage(what: string, error: Error): TypeError | undefined {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (!/^Z(STD)?_/.test(code)) return undefined;
  return new TypeError(`${what} is damaged or breaks off: ${error.message}`, { cause: error });
}

function formatOf(start: Buffer): Format {
  return MAGIC.find(([, magic]) => magic.every((byte, at) => start[at] === byte))?.[0] ?? 'none';
}
