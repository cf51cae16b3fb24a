export const BLOCK_BYTES = 512;
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;

/** Sees from its first block whether bytes are a tar; one without entries has blocks of zeros only, or nothing. */
export class TarBeginning {
  readonly #shown: string;
  #block = Buffer.alloc(0);
  #isSeen = false;

  /** @param shown What people call them. */
  constructor(shown: string) {
    this.#shown = shown;
  }

  /** @throws {TypeError} when they are none. */
  update(chunk: Buffer): void {
    if (this.#isSeen) return;
    this.#block = Buffer.concat([this.#block, chunk.subarray(0, BLOCK_BYTES - this.#block.length)]);
    if (this.#block.length < BLOCK_BYTES) return;
    this.#isSeen = true;
    if (!isHeader(this.#block)) throw new TypeError(`${this.#shown} is no tar`);
  }

  /** @throws {TypeError} when it ended within its first block. */
  end(): void {
    if (!this.#isSeen && this.#block.length > 0) throw new TypeError(`${this.#shown} is no tar`);
  }
}

/** Whether a whole block is the header of a tar, or its end. */
export function isHeader(block: Buffer): boolean {
  let sum = 0;
  for (const [at, byte] of block.entries()) {
    const isInChecksum = at >= CHECKSUM_AT && at < CHECKSUM_AT + CHECKSUM_BYTES;
    sum += isInChecksum ? 0x20 : byte;
  }
  if (sum === CHECKSUM_BYTES * 0x20) return true;
  const stated = block.toString('latin1', CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_BYTES);
  return parseInt(stated.replace(/^[\s\0]+/, ''), 8) === sum;
}
