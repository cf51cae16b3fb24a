import { setTimeout as delay } from 'node:timers/promises';
import { EXIT } from './exit-codes.ts';

/** Work that hears the signal itself has so long to say its last words. */
const LAST_WORDS_MS = 500;

export interface Interruption {
  /** Aborted by the first Ctrl-C or SIGTERM, or when nobody reads the answer any more. */
  readonly signal: AbortSignal;
}

/** An interruption by what happens to a process. */
export interface CaughtInterruption extends Interruption {
  /** Aborts it although no signal has come; safe to repeat. */
  readonly abort: (why: string) => void;
}

/** Turns Ctrl-C and SIGTERM into an abort; a second Ctrl-C ends the process at once. */
export function catchInterruption(source: Pick<NodeJS.Process, 'on' | 'exit'>): CaughtInterruption {
  const controller = new AbortController();
  // Not whether it was aborted: Ctrl-C ends the reader of a pipe too, whose end may be seen before our signal.
  let isTold = false;
  const end = (): void => {
    isTold = true;
    controller.abort();
  };
  source.on('SIGINT', () => {
    if (isTold) source.exit(EXIT.interrupted);
    end();
  });
  // SIGTERM may come from several who end us: repeating it says nothing new.
  source.on('SIGTERM', end);
  source.on('SIGHUP', end);
  return {
    signal: controller.signal,
    abort: (why) => controller.abort(new DOMException(why, 'AbortError')),
  };
}

/** Waits for work until soon after the signal: what waits for a server that keeps silent does not hear it. @throws the signal's reason */
export async function untilInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const ended = new AbortController();
  const interrupted = new Promise<never>((_resolve, reject) => {
    const interrupt = async (): Promise<void> => {
      await delay(LAST_WORDS_MS, undefined, { signal: ended.signal });
      reject(signal.reason as Error);
    };
    const onAbort = (): void => void interrupt().catch(() => undefined);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true, signal: ended.signal });
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    ended.abort();
  }
}
