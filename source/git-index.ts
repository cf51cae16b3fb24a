import { createHash } from 'node:crypto';

const STAT_BYTES = 40;
const FLAGS_BYTES = 2;
const LONGEST_IN_FLAGS = 0xfff;
const [MTIME_AT, NANOSECONDS_AT, MODE_AT, SIZE_AT] = [8, 12, 24, 36];
const TAB = 9;

/**
 * Git's index (version 2) of a checkout whose files all have one time, made of `git ls-tree -r -l -z`. What git writes itself
 * without the files lacks their times, and then `git diff-index` takes every file for a changed one.
 */
export function gitIndex(listing: Buffer, dated: Date): Buffer {
  const mtimeMs = dated.getTime();
  const entries: Buffer[] = [];
  let algorithm = 'sha1';
  for (let start = 0; start < listing.length;) {
    const end = listing.indexOf(0, start);
    const tab = listing.indexOf(TAB, start);
    const [mode = '', , objectId = '', size] = listing.toString('latin1', start, tab).split(/ +/);
    if (objectId.length === 64) algorithm = 'sha256';
    entries.push(
      indexEntry(listing.subarray(tab + 1, end), {
        mode: Number.parseInt(mode, 8),
        objectId: Buffer.from(objectId, 'hex'),
        // Of a submodule there is none.
        sizeBytes: size === '-' ? 0 : Number(size),
        mtimeMs,
      }),
    );
    start = end + 1;
  }
  const head = Buffer.alloc(12);
  head.write('DIRC', 'latin1');
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(entries.length, 8);
  const content = Buffer.concat([head, ...entries]);
  return Buffer.concat([content, createHash(algorithm).update(content).digest()]);
}

function indexEntry(
  path: Buffer,
  fields: {
    readonly mode: number;
    readonly objectId: Buffer;
    readonly sizeBytes: number;
    readonly mtimeMs: number;
  },
): Buffer {
  const { mode, objectId, sizeBytes, mtimeMs } = fields;
  const nameAt = STAT_BYTES + objectId.length + FLAGS_BYTES;
  // At least one zero after the name, and a multiple of eight in all.
  const entry = Buffer.alloc((nameAt + path.length + 8) & ~7);
  entry.writeUInt32BE(Math.floor(mtimeMs / 1000) % 2 ** 32, MTIME_AT);
  entry.writeUInt32BE((mtimeMs % 1000) * 1e6, NANOSECONDS_AT);
  entry.writeUInt32BE(mode, MODE_AT);
  entry.writeUInt32BE(sizeBytes % 2 ** 32, SIZE_AT);
  objectId.copy(entry, STAT_BYTES);
  entry.writeUInt16BE(Math.min(path.length, LONGEST_IN_FLAGS), nameAt - FLAGS_BYTES);
  path.copy(entry, nameAt);
  return entry;
}
