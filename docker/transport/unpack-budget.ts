const GIB = 1024 ** 3;

/** How far what came from outside may unpack. */
export interface UnpackLimits {
  /** In all. */
  readonly maxBytes: number;
  /** So many times the bytes that came, … */
  readonly maxRatio: number;
  /** … once more than this was unpacked: small files may be as empty as they like. */
  readonly ratioFromBytes: number;
}

export const UNPACK_LIMITS: UnpackLimits = {
  maxBytes: 256 * GIB,
  maxRatio: 200,
  ratioFromBytes: 4 * GIB,
};

/** Counts what a hostile archive makes us unpack, so that a bomb is given up long before it has gone off. */
export class UnpackBudget {
  readonly #limits: UnpackLimits;
  #came = 0;
  #unpacked = 0;

  constructor(limits: UnpackLimits = UNPACK_LIMITS) {
    this.#limits = limits;
  }

  came(bytes: number): void {
    this.#came += bytes;
  }

  /** @throws {TypeError} when it is too much. */
  unpacked(bytes: number): void {
    this.#unpacked += bytes;
    const { maxBytes, maxRatio, ratioFromBytes } = this.#limits;
    if (this.#unpacked > maxBytes) throw new TypeError(`it unpacks to more than ${maxBytes} bytes`);
    if (this.#unpacked > ratioFromBytes && this.#unpacked > this.#came * maxRatio)
      throw new TypeError(`it unpacks to more than ${maxRatio} times its size`);
  }
}
