import type { Parts } from './parts.ts';

/** No upload takes so long: what is older was left by somebody who died. */
const UPLOAD_AGE_MS = 24 * 60 * 60_000;
const EVERY_MS = 60 * 60_000;

/**
 * Sweeps what uploads that never ended have left in the store, at the start and every hour; every control worker does, since
 * it may be repeated and raced. Gives what ends it.
 */
export function startUploadSweeper({ store, logger }: Pick<Parts, 'store' | 'logger'>): () => Promise<void> {
  const stop = new AbortController();
  const sweep = async (): Promise<void> => {
    try {
      const olderThan = new Date(Date.now() - UPLOAD_AGE_MS);
      const swept = await store.sweep({ olderThan, signal: stop.signal });
      if (swept.objects + swept.multipartUploads > 0) logger.info(swept, 'Swept uploads that never ended');
    } catch (error) {
      if (!stop.signal.aborted)
        logger.warn({ error: String(error) }, 'Uploads could not be swept; it is tried again');
    }
  };
  let sweeping = sweep();
  const timer = setInterval(() => {
    sweeping = sweeping.then(sweep);
  }, EVERY_MS);
  return async () => {
    clearInterval(timer);
    stop.abort();
    await sweeping;
  };
}
