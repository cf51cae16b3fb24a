import { lstat } from 'node:fs/promises';
import { SetupFailed } from '../model/errors.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { findLockHolder, releaseLock, takeLock } from './process-lock.ts';
import type { StatePaths } from './state-directory.ts';

/** The process that set up or started the stack of a state directory and still runs; undefined when there is none. */
export function findOwner(paths: StatePaths): Promise<ProcessIdentity | undefined> {
  return findLockHolder(paths.owner);
}

/** Makes this process the owner of the stack. @throws {SetupFailed} while another one is. */
export async function becomeOwner(paths: StatePaths): Promise<void> {
  const owner = await takeLock(paths.owner);
  if (!owner) return;
  throw new SetupFailed(
    'The stack cannot be started',
    `process ${owner.pid} runs one in ${paths.root} already`,
    'Use it, or type: slipway down',
  );
}

/** Ends the ownership of this process. */
export async function resignAsOwner(paths: StatePaths): Promise<void> {
  await releaseLock(paths.owner);
}

/** Removes what a killed owner has left; one that lives stays, also when it has come in this moment. */
export async function clearOwner(paths: StatePaths): Promise<void> {
  if (!(await isOwned(paths))) return;
  if (!(await takeLock(paths.owner))) await releaseLock(paths.owner);
}

/** By anybody, dead or alive: where nothing is there is nothing to take. */
function isOwned({ owner }: StatePaths): Promise<boolean> {
  return lstat(owner).then(
    () => true,
    () => false,
  );
}
