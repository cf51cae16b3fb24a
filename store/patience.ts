import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;

/** Decides, failure by failure, whether to try again; one per operation. */
export interface Patience {
  /** Waits before the next try; rethrows the failure when it is not worth another one or when the time is over. */
  wait(failure: unknown): Promise<void>;
  /** Begins anew after progress. */
  reset(): void;
}

export interface PatienceOptions {
  /** How long to go on since the first failure, in milliseconds. */
  readonly budgetMs: number;
  readonly isTransient: (failure: unknown) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Exponential back-off with jitter, bounded by time and not by a count, so that a refused connection and a
 * timeout get the same patience. The SDK's own retries are off: they share one quota, which a server that is
 * away for seconds uses up at once when many transfers run.
 */
export function createPatience(options: PatienceOptions): Patience {
  let failures = 0;
  let firstFailure = 0;
  return {
    reset() {
      failures = 0;
    },
    async wait(failure) {
      options.signal?.throwIfAborted();
      if (!options.isTransient(failure)) throw failure;
      if (failures === 0) firstFailure = performance.now();
      const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 16));
      const delayMs = ceiling * (0.5 + Math.random() / 2);
      failures += 1;
      if (performance.now() - firstFailure + delayMs > options.budgetMs) throw failure;
      await sleep(delayMs, undefined, { signal: options.signal }).catch(() =>
        options.signal?.throwIfAborted(),
      );
    },
  };
}

/** Repeats an attempt with {@link createPatience} until it succeeds. Attempts count from 1. */
export async function withPatience<T>(
  attempt: (tries: number) => Promise<T>,
  options: PatienceOptions,
): Promise<T> {
  const patience = createPatience(options);
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt(tries);
    } catch (failure) {
      await patience.wait(failure);
    }
  }
}
