import { Readable } from 'node:stream';

/** A body that is here already. Iterating over it passes by the machinery of streams, which would cost more than reading a small file. */
export class WholeBody extends Readable {
  readonly #parts: readonly Buffer[];

  constructor(parts: readonly Buffer[]) {
    super();
    this.#parts = parts;
  }

  override _read(): void {
    for (const part of this.#parts) this.push(part);
    this.push(null);
  }

  override async *[Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer> {
    yield* this.#parts;
    this.destroy();
  }
}
