import { randomUUID } from 'node:crypto';
import { readlink, rename, rm, symlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { identifyProcess, isRunning, processIdentitySchema } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

const POLL_MS = 300;

/**
 * Does work that only one process of this machine shall do at a time; others wait. A holder that was killed holds nothing.
 * The work itself must bear being done twice: the lock only saves time.
 */
export async function withCacheLock<T>(
  path: string,
  options: { readonly signal: AbortSignal; readonly onWait: (holder: ProcessIdentity) => void },
  work: () => Promise<T>,
): Promise<T> {
  const own = JSON.stringify(await identifyProcess(process.pid));
  let hasTold = false;
  while (!(await tryTake(path, own))) {
    const holder = await findHolder(path);
    if (holder && (await isRunning(holder))) {
      if (!hasTold) options.onWait(holder);
      hasTold = true;
      await delay(POLL_MS, undefined, { signal: options.signal });
      continue;
    }
    // Moved away and not just removed: of two who find the dead one only one succeeds.
    const dead = `${path}.${randomUUID()}`;
    await rename(path, dead).catch(() => undefined);
    await rm(dead, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** A symbolic link that points nowhere: it appears with its text at once, and only when there is none yet. */
async function tryTake(path: string, own: string): Promise<boolean> {
  try {
    await symlink(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function findHolder(path: string): Promise<ProcessIdentity | undefined> {
  try {
    return processIdentitySchema.parse(JSON.parse(await readlink(path)));
  } catch {
    return undefined;
  }
}
