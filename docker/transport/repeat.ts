import { setTimeout as delay } from 'node:timers/promises';

const ATTEMPTS = 3;
const PAUSE_MS = 500;

/** Repeats a transfer that failed: engines give up at the first cut, and what arrived need not come again. */
export async function repeat<T>(
  action: () => Promise<T>,
  options: {
    readonly signal: AbortSignal;
    readonly describe: (error: unknown) => string;
    readonly fail: (detail: string, cause: unknown) => Error;
    readonly attempts?: number;
    readonly isHopeless?: (error: unknown) => boolean;
  },
): Promise<T> {
  const { signal, describe, fail, attempts = ATTEMPTS, isHopeless = () => false } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await action();
    } catch (error) {
      signal.throwIfAborted();
      if (attempt >= attempts || isHopeless(error)) throw fail(describe(error), error);
      await delay(PAUSE_MS * attempt, undefined, { signal });
    }
  }
}
