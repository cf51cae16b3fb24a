import type { Readable } from 'node:stream';

/** Whoever writes into the pipe may be so far ahead: pipes alone hold too little for two processes to work side by side. */
const AHEAD_BYTES = 2 * 1024 * 1024;

/** Takes what a pipe gives before it is asked for, up to a limit, so that the other end seldom waits. */
export class AheadReader {
  readonly #source: Readable;
  readonly #chunks: Buffer[] = [];
  #heldBytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(source: Readable) {
    this.#source = source;
    source.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes >= AHEAD_BYTES) source.pause();
      this.#wake?.();
    });
    for (const event of ['end', 'error', 'close'] as const)
      source.on(event, () => {
        this.#ended = true;
        this.#wake?.();
      });
  }

  /** The next bytes, or undefined when there will be no more. One asks at a time. */
  async next(): Promise<Buffer | undefined> {
    while (this.#chunks.length === 0 && !this.#ended)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    const chunk = this.#chunks.shift();
    this.#heldBytes -= chunk?.length ?? 0;
    if (this.#source.isPaused() && this.#heldBytes <= AHEAD_BYTES / 2) this.#source.resume();
    return chunk;
  }
}
