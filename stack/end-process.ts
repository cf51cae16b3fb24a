import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

const POLL_MS = 50;

/**
 * Ends one process that leads a group of its own: asks by SIGTERM, then after `graceMs` by SIGKILL, and kills what is
 * left of its group. A pid that now belongs to another process is left alone. Resolves when it is gone.
 */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  if (!(await isRunning(identity))) return;
  signal(identity.pid, 'SIGTERM');
  if (!(await isGoneWithin(identity, graceMs))) {
    signal(identity.pid, 'SIGKILL');
    await isGoneWithin(identity, 5_000);
  }
  signal(-identity.pid, 'SIGKILL');
}

/** Whether a process ends within that time. */
export async function isGoneWithin(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (await isRunning(identity)) {
    if (performance.now() > end) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // ESRCH: it ended in between, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
