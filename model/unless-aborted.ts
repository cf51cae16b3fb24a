import { once } from 'node:events';

/** Waits for what others wait for too, until one's own signal. */
export async function unlessAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return result;
  signal.throwIfAborted();
  const waited = new AbortController();
  const aborted = once(signal, 'abort', { signal: waited.signal }).then(() => {
    throw signal.reason;
  });
  aborted.catch(() => undefined);
  try {
    return await Promise.race([result, aborted as Promise<never>]);
  } finally {
    waited.abort();
  }
}
