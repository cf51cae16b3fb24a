/**
 * The one tar dialect in which Slipway writes trees: GNU format, root's by default, with the times that it is told, as
 * Python's `tarfile` writes it for taskgraph (before 3.9: device numbers are zeros, not empty). A context hash depends
 * on every byte here. tar-stream writes pax instead, so it cannot be used.
 */

const BLOCK_BYTES = 512;
const RECORD_BYTES = 20 * BLOCK_BYTES;
const NAME_BYTES = 100;

const TYPE_FLAGS = {
  file: '0',
  symlink: '2',
  directory: '5',
  longName: 'L',
  longLink: 'K',
  extended: 'x',
} as const;

export interface TarEntry {
  readonly name: Buffer;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly type: 'file' | 'symlink' | 'directory';
  readonly linkName?: Buffer;
  /** Default: root's. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

const ROOT = { uid: 0, gid: 0 };

/** The header blocks of an entry: preceded by long name blocks where a name or link target has more than 100 bytes. */
export function tarHeader(entry: TarEntry): Buffer {
  const linkName = entry.linkName ?? Buffer.alloc(0);
  return Buffer.concat([
    ...(linkName.length > NAME_BYTES ? [longBlocks('longLink', linkName)] : []),
    ...(entry.name.length > NAME_BYTES ? [longBlocks('longName', entry.name)] : []),
    headerBlock({ ...entry, linkName, owner: entry.owner ?? ROOT }),
  ]);
}

/** What before an entry's header says its time to the millisecond, as pax does: the header itself has only seconds. */
export function tarTime(time: Date): Buffer {
  const record = ` mtime=${(time.getTime() / 1000).toFixed(3)}\n`;
  // The length of the record counts its own two digits.
  return specialBlocks('extended', '././@PaxHeader', Buffer.from(`${record.length + 2}${record}`));
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

function longBlocks(type: 'longName' | 'longLink', value: Buffer): Buffer {
  return specialBlocks(type, '././@LongLink', Buffer.concat([value, Buffer.alloc(1)]));
}

/** Blocks about the entry whose header they precede. */
function specialBlocks(type: HeaderFields['type'], name: string, payload: Buffer): Buffer {
  const header = headerBlock({
    name: Buffer.from(name),
    mode: 0,
    sizeBytes: payload.length,
    mtimeSeconds: 0,
    type,
    linkName: Buffer.alloc(0),
    owner: ROOT,
  });
  return Buffer.concat([header, payload, tarPadding(payload.length)]);
}

interface HeaderFields extends Required<Omit<TarEntry, 'type' | 'owner'>> {
  readonly type: keyof typeof TYPE_FLAGS;
  readonly owner: typeof ROOT;
}

function headerBlock(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  fields.name.copy(block, 0, 0, NAME_BYTES);
  block.write(octal(fields.mode & 0o7777, 7), 100);
  writeNumber(block, fields.owner.uid, { at: 108, bytes: 8 });
  writeNumber(block, fields.owner.gid, { at: 116, bytes: 8 });
  writeNumber(block, fields.sizeBytes, { at: 124, bytes: 12 });
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

/** Octal digits, as many as leave a zero behind them; a number that needs more is written in base 256, marked by the first bit. */
function writeNumber(
  block: Buffer,
  value: number,
  field: { readonly at: number; readonly bytes: number },
): void {
  const { at, bytes } = field;
  if (value < 8 ** (bytes - 1)) {
    block.write(octal(value, bytes - 1), at);
    return;
  }
  block.writeBigUInt64BE(BigInt(value), at + bytes - 8);
  block[at] = 0x80;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
