/** What comes next in a file: a number, or bytes that mean nothing here. */
interface Part {
  readonly bytes: number;
  readonly isNumber: boolean;
}

const MAGIC = number(4);
const FRAME = 0xfd2fb528;
/** The last digit may be any. */
const SKIPPABLE = 0x184d2a50;
const RUN = 1;
const CHECKSUM_BYTES = 4;

/** Follows the frames of a zstd file by their headers alone (RFC 8878, 3.1). What is no frame has no end. */
export class ZstdFrames {
  readonly #parts = partsOfFile();
  #part: Part = this.#parts.next().value;
  #left = this.#part.bytes;
  #number = 0;

  /** Whether what has passed ends within a frame. */
  get isInside(): boolean {
    return this.#part !== MAGIC || this.#left < MAGIC.bytes;
  }

  /** Lets bytes pass up to the first end of a frame in them, or all; gives how many. */
  pass(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length) {
      const taken = Math.min(this.#left, chunk.length - at);
      if (this.#part.isNumber)
        this.#number += chunk.readUIntLE(at, taken) * 256 ** (this.#part.bytes - this.#left);
      at += taken;
      this.#left -= taken;
      while (this.#left === 0) this.#goOn();
      if (!this.isInside) break;
    }
    return at;
  }

  #goOn(): void {
    this.#part = this.#parts.next(this.#number).value;
    this.#left = this.#part.bytes;
    this.#number = 0;
  }
}

/** Is told each number that it asks for. */
function* partsOfFile(): Generator<Part, never, number> {
  for (;;) {
    const magic = yield MAGIC;
    if (magic === FRAME) yield* partsOfFrame();
    else if (magic - (magic % 16) === SKIPPABLE) yield other(yield number(4));
    else yield other(Infinity);
  }
}

function* partsOfFrame(): Generator<Part, void, number> {
  const descriptor = yield number(1);
  const hasWindow = (descriptor & 0b10_0000) === 0;
  const sizeOfContent = [hasWindow ? 0 : 1, 2, 4, 8][descriptor >> 6] ?? 0;
  const sizeOfDictionary = [0, 1, 2, 4][descriptor & 0b11] ?? 0;
  yield other((hasWindow ? 1 : 0) + sizeOfDictionary + sizeOfContent);
  for (let isLast = false; !isLast;) {
    const block = yield number(3);
    isLast = (block & 1) === 1;
    // Of a run there is only the byte that it repeats.
    yield other(((block >> 1) & 0b11) === RUN ? 1 : block >> 3);
  }
  if ((descriptor & 0b100) !== 0) yield other(CHECKSUM_BYTES);
}

function number(bytes: number): Part {
  return { bytes, isNumber: true };
}

function other(bytes: number): Part {
  return { bytes, isNumber: false };
}
