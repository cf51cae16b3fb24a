import { isStoreTrouble } from './store-trouble.ts';

/** Failures of the store, each of a request that began after the one before, after which a classic engine need not try on for minutes. */
const MAX_FAILURES = 3;

/** What failed on our side of a push and was not made good since. */
export class PushTrouble {
  readonly #hopeless = new AbortController();
  #last: unknown;
  #failures = 0;
  #failedMs = -Infinity;

  /** Aborted as soon as the engine tries in vain: the store is full, or fails time and again. */
  get hopeless(): AbortSignal {
    return this.#hopeless.signal;
  }

  /** The last of it; undefined where the store has taken something since. */
  get last(): unknown {
    return this.hopeless.aborted ? this.hopeless.reason : this.#last;
  }

  /** Notes what a request failed with that had begun then. */
  failed(error: unknown, begunMs: number): void {
    this.#last = error;
    if (!isStoreTrouble(error)) return;
    // Uploads side by side fail together.
    if (begunMs >= this.#failedMs) {
      this.#failures += 1;
      this.#failedMs = performance.now();
    }
    if (error.type === 'StoreOutOfSpace' || this.#failures >= MAX_FAILURES) this.#hopeless.abort(error);
  }

  /** Notes that the store has a part of the image now. */
  stored(): void {
    this.#last = undefined;
    this.#failures = 0;
  }
}
