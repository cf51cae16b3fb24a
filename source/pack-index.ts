import { readFile, stat } from 'node:fs/promises';

const MAGIC = 0xff744f63;
const VERSION = 2;
const FANOUT_START = 8;
const NAMES_START = FANOUT_START + 256 * 4;
/** A bit of a short offset: what follows is a place in the table of long ones. */
const IS_LONG = 0x80000000;
/** About a million objects. A larger index is not kept in memory. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Where the objects of a pack begin in it: git's index of a pack, version 2 (gitformat-pack). */
export class PackIndex {
  readonly #bytes: Buffer;
  readonly #idBytes: number;

  private constructor(bytes: Buffer, idBytes: number) {
    this.#bytes = bytes;
    this.#idBytes = idBytes;
  }

  /** Undefined for one that is too large, of another version or not whole. */
  static async read(path: string, idBytes: number): Promise<PackIndex | undefined> {
    if ((await stat(path)).size > MAX_BYTES) return undefined;
    const bytes = await readFile(path);
    if (bytes.length < NAMES_START || bytes.readUInt32BE(0) !== MAGIC || bytes.readUInt32BE(4) !== VERSION)
      return undefined;
    const index = new PackIndex(bytes, idBytes);
    return bytes.length >= index.#longOffsets ? index : undefined;
  }

  /** The offset of an object's header in the pack; undefined: it is not there. */
  find(objectId: string): number | undefined {
    const id = Buffer.from(objectId, 'hex');
    const first = id[0] ?? 0;
    let low = first === 0 ? 0 : this.#upTo(first - 1);
    let high = this.#upTo(first);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = NAMES_START + middle * this.#idBytes;
      const order = id.compare(this.#bytes, start, start + this.#idBytes);
      if (order === 0) return this.#offset(middle);
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    return undefined;
  }

  #offset(at: number): number {
    const short = this.#bytes.readUInt32BE(this.#offsets + at * 4);
    if (short < IS_LONG) return short;
    return Number(this.#bytes.readBigUInt64BE(this.#longOffsets + (short - IS_LONG) * 8));
  }

  /** How many objects have an id whose first byte is this or less. */
  #upTo(firstByte: number): number {
    return this.#bytes.readUInt32BE(FANOUT_START + firstByte * 4);
  }

  get #count(): number {
    return this.#upTo(255);
  }

  /** After the ids and a checksum of four bytes for each. */
  get #offsets(): number {
    return NAMES_START + this.#count * (this.#idBytes + 4);
  }

  get #longOffsets(): number {
    return this.#offsets + this.#count * 4;
  }
}
