import type { S3Limits } from './s3-session.ts';

type PartLimits = Pick<S3Limits, 'partBytes' | 'partsOfOneSize'>;

/** Size of a part, counted from 1. It grows with the body, whose size nobody knows before its end. */
export function partBytesOf(number: number, { partBytes, partsOfOneSize }: PartLimits): number {
  return partBytes * 2 ** Math.floor((number - 1) / partsOfOneSize);
}

/**
 * Buffers that uploads of one store share: what one has sent another fills. Garbage of this size takes longer to collect than to hash, and
 * lies about meanwhile. When nobody has any, none is kept.
 */
export class BufferPool {
  #spare: Buffer[] = [];
  #lent = 0;

  take(bytes: number): Buffer {
    this.#lent += 1;
    const place = this.#spare.findIndex(({ length }) => length === bytes);
    return this.#spare.splice(place, place < 0 ? 0 : 1)[0] ?? Buffer.allocUnsafeSlow(bytes);
  }

  /** Nobody reads it any more. */
  giveBack(buffer: Buffer): void {
    this.#spare.push(buffer);
    this.forget(1);
  }

  /** So many will not come back: somebody may still read them. */
  forget(count: number): void {
    this.#lent -= count;
    if (this.#lent === 0) this.#spare = [];
  }
}

/** Buffers for the parts of one body, one after the other. */
export class PartBuffers implements Disposable {
  readonly #limits: PartLimits;
  readonly #pool: BufferPool;
  readonly #lent = new Set<ArrayBufferLike>();
  #taken = 0;

  constructor(limits: PartLimits, pool: BufferPool) {
    this.#limits = limits;
    this.#pool = pool;
  }

  take(): Buffer {
    this.#taken += 1;
    const buffer = this.#pool.take(partBytesOf(this.#taken, this.#limits));
    this.#lent.add(buffer.buffer);
    return buffer;
  }

  /** Of a part that was sent, whole or the beginning of it. */
  giveBack({ buffer }: Buffer): void {
    if (this.#lent.delete(buffer)) this.#pool.giveBack(Buffer.from(buffer));
  }

  /** What was not sent is not used again. */
  [Symbol.dispose](): void {
    this.#pool.forget(this.#lent.size);
    this.#lent.clear();
  }
}
