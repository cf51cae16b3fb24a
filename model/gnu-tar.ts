/**
 * The one tar dialect in which Slipway writes trees: GNU format, root's, with fixed times, as Python's `tarfile`
 * writes it for taskgraph (before 3.9: device numbers are zeros, not empty). A context hash depends on every byte
 * here. tar-stream writes pax instead, so it cannot be used.
 */

const BLOCK_BYTES = 512;
const RECORD_BYTES = 20 * BLOCK_BYTES;
const NAME_BYTES = 100;

const TYPE_FLAGS = { file: '0', symlink: '2', directory: '5', longName: 'L', longLink: 'K' } as const;

export interface TarEntry {
  readonly name: Buffer;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly type: 'file' | 'symlink' | 'directory';
  readonly linkName?: Buffer;
}

/** The header blocks of an entry: preceded by long name blocks where a name or link target has more than 100 bytes. */
export function tarHeader(entry: TarEntry): Buffer {
  const linkName = entry.linkName ?? Buffer.alloc(0);
  return Buffer.concat([
    ...(linkName.length > NAME_BYTES ? longBlocks('longLink', linkName) : []),
    ...(entry.name.length > NAME_BYTES ? longBlocks('longName', entry.name) : []),
    headerBlock({ ...entry, linkName }),
  ]);
}

/** The zeros that fill the last block after a content. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** The end of a tar that has this many bytes so far: two empty blocks, then zeros up to a full record. */
export function tarEnd(writtenBytes: number): Buffer {
  const endBytes = 2 * BLOCK_BYTES;
  return Buffer.alloc(
    endBytes + ((RECORD_BYTES - ((writtenBytes + endBytes) % RECORD_BYTES)) % RECORD_BYTES),
  );
}

function longBlocks(type: 'longName' | 'longLink', value: Buffer): Buffer[] {
  const payload = Buffer.concat([value, Buffer.alloc(1)]);
  const header = headerBlock({
    name: Buffer.from('././@LongLink'),
    mode: 0,
    sizeBytes: payload.length,
    mtimeSeconds: 0,
    type,
    linkName: Buffer.alloc(0),
  });
  return [header, payload, tarPadding(payload.length)];
}

interface HeaderFields extends Required<Omit<TarEntry, 'type'>> {
  readonly type: keyof typeof TYPE_FLAGS;
}

function headerBlock(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  fields.name.copy(block, 0, 0, NAME_BYTES);
  block.write(octal(fields.mode & 0o7777, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  writeSize(block, fields.sizeBytes);
  block.write(octal(fields.mtimeSeconds, 11), 136);
  block.write('        ', 148);
  block.write(TYPE_FLAGS[fields.type], 156);
  fields.linkName.copy(block, 157, 0, NAME_BYTES);
  block.write('ustar  \0', 257, 'latin1');
  block.write(octal(0, 7), 329);
  block.write(octal(0, 7), 337);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return block;
}

/** Eleven octal digits hold 8 GiB; a larger size is written in base 256, marked by the first bit. */
function writeSize(block: Buffer, sizeBytes: number): void {
  if (sizeBytes < 8 ** 11) {
    block.write(octal(sizeBytes, 11), 124);
    return;
  }
  block[124] = 0x80;
  block.writeBigUInt64BE(BigInt(sizeBytes), 128);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
