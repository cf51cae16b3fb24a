import type { S3Limits } from './s3-session.ts';

type PartLimits = Pick<S3Limits, 'partBytes' | 'partsOfOneSize'>;

/** Size of a part, counted from 1. It grows with the body, whose size nobody knows before its end. */
export function partBytesOf(number: number, { partBytes, partsOfOneSize }: PartLimits): number {
  return partBytes * 2 ** Math.floor((number - 1) / partsOfOneSize);
}

/** Buffers for the parts of a body, one after the other. Used again: collecting garbage of this size takes longer than hashing it. */
export class PartBuffers {
  readonly #limits: PartLimits;
  #taken = 0;
  #bytes = 0;
  #sent: Buffer[] = [];

  constructor(limits: PartLimits) {
    this.#limits = limits;
  }

  take(): Buffer {
    this.#taken += 1;
    const bytes = partBytesOf(this.#taken, this.#limits);
    if (bytes !== this.#bytes) this.#sent = [];
    this.#bytes = bytes;
    return this.#sent.pop() ?? Buffer.allocUnsafeSlow(bytes);
  }

  /** Of a part that was sent. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === this.#bytes) this.#sent.push(buffer);
  }
}
