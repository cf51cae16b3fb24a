import { availableParallelism } from 'node:os';
import { ObjectReader } from './object-reader.ts';
import type { GitObject } from './object-reader.ts';

/** A reader that nobody asked for so long is ended. */
const IDLE_MS = 2000;
const MAX_IDLE = 4;
/** So much is read to no purpose before a reader is given up and another one started. */
const PASSED_OVER_BYTES = 1024 * 1024;
/** More than these have hardly been seen to help: what they give is hashed or sent by one process of Node. */
const MAX_SIDE_BY_SIDE = 4;
/** Starting git costs about as much as it takes to inflate so many small files. */
const WORTH_A_READER = 50;

/** Readers of one repository, kept for the next question: starting git for each small file would cost more than reading it. */
export class ReaderPool {
  readonly #directory: string;
  readonly #repository: string;
  readonly #idle: { readonly reader: ObjectReader; readonly timer: NodeJS.Timeout }[] = [];

  /** `repository`: as errors should name it. */
  constructor(directory: string, repository: string) {
    this.#directory = directory;
    this.#repository = repository;
  }

  /**
   * As {@link ObjectReader.read}; any number may be open at once. Many objects are inflated by several processes side by side,
   * each running ahead as far as its pipe holds. Rejects with the signal's reason when aborted.
   */
  async *read(
    objectIds: readonly string[],
    signal?: AbortSignal,
  ): AsyncGenerator<GitObject | undefined, void> {
    signal?.throwIfAborted();
    if (objectIds.length === 0) return;
    const readers = Array.from({ length: readersFor(objectIds.length) }, () => this.#acquire());
    const abort = (): void => readers.forEach((reader) => reader.close());
    signal?.addEventListener('abort', abort, { once: true });
    // In turns, so that none has to run further ahead than by an object or two.
    const turns = readers.map((reader, turn) =>
      reader.read(objectIds.filter((_, at) => at % readers.length === turn)),
    );
    let atLast: { readonly sizeBytes: number } | undefined;
    let drained = false;
    try {
      for (let at = 0; at < objectIds.length; at += 1) {
        const next = await turns[at % turns.length]?.next();
        const object = next?.value ?? undefined;
        if (at === objectIds.length - 1) atLast = object ?? { sizeBytes: 0 };
        yield object;
      }
      atLast = undefined;
      drained = await drain(turns);
    } catch (error) {
      atLast = undefined;
      signal?.throwIfAborted();
      throw error;
    } finally {
      // Whoever asks for one thing mostly leaves with it.
      if (atLast && atLast.sizeBytes <= PASSED_OVER_BYTES) drained = await drain(turns);
      signal?.removeEventListener('abort', abort);
      // One that was left in the middle still has answers in its pipe.
      for (const reader of readers) {
        if (drained && !signal?.aborted) this.#release(reader);
        else reader.close();
      }
    }
  }

  #acquire(): ObjectReader {
    const idle = this.#idle.pop();
    if (!idle) return new ObjectReader(this.#directory, this.#repository);
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

function readersFor(objects: number): number {
  return Math.max(
    1,
    Math.min(MAX_SIDE_BY_SIDE, availableParallelism(), Math.floor(objects / WORTH_A_READER)),
  );
}

/** Passes over what is left of contents that were handed out already; gives whether that went well. */
async function drain(turns: readonly AsyncGenerator[]): Promise<boolean> {
  try {
    for (const turn of turns) await turn.next();
    return true;
  } catch {
    return false;
  }
}
