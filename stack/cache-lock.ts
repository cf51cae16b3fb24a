import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessIdentity } from './process-identity.ts';
import { releaseLock, takeLock } from './process-lock.ts';

const POLL_MS = 300;

/**
 * Does work that only one process of this machine shall do at a time; others wait. A holder that was killed holds nothing,
 * and what it has left half done is what the next one finds.
 */
export async function withCacheLock<T>(
  path: string,
  options: { readonly signal: AbortSignal; readonly onWait: (holder: ProcessIdentity) => void },
  work: () => Promise<T>,
): Promise<T> {
  let hasTold = false;
  for (;;) {
    const holder = await takeLock(path);
    if (!holder) break;
    if (!hasTold) options.onWait(holder);
    hasTold = true;
    await delay(POLL_MS, undefined, { signal: options.signal });
  }
  try {
    return await work();
  } finally {
    await releaseLock(path);
  }
}
