import { ObjectReader } from './object-reader.ts';
import type { GitObject } from './object-reader.ts';

/** A reader that nobody asked for so long is ended. */
const IDLE_MS = 2000;
const MAX_IDLE = 2;

/** Readers of one repository, kept for the next question: starting git for each small file would cost more than reading it. */
export class ReaderPool {
  readonly #directory: string;
  readonly #idle: { readonly reader: ObjectReader; readonly timer: NodeJS.Timeout }[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** As {@link ObjectReader.read}; any number may be open at once. Rejects with the signal's reason when aborted. */
  async *read(
    objectIds: readonly string[],
    signal?: AbortSignal,
  ): AsyncGenerator<GitObject | undefined, void> {
    signal?.throwIfAborted();
    if (objectIds.length === 0) return;
    const reader = this.#acquire();
    const abort = (): void => reader.close();
    signal?.addEventListener('abort', abort, { once: true });
    let finished = false;
    try {
      yield* reader.read(objectIds);
      finished = true;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
      // One that was left in the middle still has answers in its pipe.
      if (finished && !signal?.aborted) this.#release(reader);
      else reader.close();
    }
  }

  #acquire(): ObjectReader {
    const idle = this.#idle.pop();
    if (!idle) return new ObjectReader(this.#directory);
    clearTimeout(idle.timer);
    idle.reader.hold(true);
    return idle.reader;
  }

  #release(reader: ObjectReader): void {
    if (this.#idle.length >= MAX_IDLE) {
      reader.close();
      return;
    }
    reader.hold(false);
    const timer = setTimeout(() => {
      this.#idle.splice(
        this.#idle.findIndex((idle) => idle.reader === reader),
        1,
      );
      reader.close();
    }, IDLE_MS).unref();
    this.#idle.push({ reader, timer });
  }
}
