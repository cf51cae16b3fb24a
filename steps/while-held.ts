import type { EngineImages } from '../docker/engine.ts';

/** Holds count for an hour, so that two renewals may fail. */
const RENEW_MS = 20 * 60_000;

/**
 * Does work for which images of an engine are held: they are until its end, however long that takes, and no longer. An engine that
 * cannot be told so is the trouble of the work itself.
 */
export async function whileHeld<T>(
  images: Pick<EngineImages, 'renew' | 'release'>,
  hold: string,
  work: () => Promise<T>,
): Promise<T> {
  let renewing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    renewing = renewing.then(() => images.renew(hold)).catch(() => undefined);
  }, RENEW_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    // Else it might hold anew what was released.
    await renewing;
    await images.release(hold).catch(() => undefined);
  }
}
