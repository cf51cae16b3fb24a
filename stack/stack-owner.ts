import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { SetupFailed } from '../model/errors.ts';
import { identifyProcess, isRunning, processIdentitySchema } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';
import type { StatePaths } from './state-directory.ts';

/** The process that set up or started the stack of a state directory and still runs; undefined when there is none. */
export async function findOwner(paths: StatePaths): Promise<ProcessIdentity | undefined> {
  try {
    const owner = processIdentitySchema.parse(JSON.parse(await readFile(paths.owner, 'utf8')));
    return (await isRunning(owner)) ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** Makes this process the owner of the stack. @throws {SetupFailed} while another one is. */
export async function becomeOwner(paths: StatePaths): Promise<void> {
  const aside = `${paths.owner}.${process.pid}`;
  await writeFile(aside, JSON.stringify(await identifyProcess(process.pid)), { mode: 0o600 });
  try {
    // A link appears whole or not at all, and only when there is none yet.
    if (await tryLink(aside, paths.owner)) return;
    const owner = await findOwner(paths);
    if (owner) throw alreadyRuns(paths, owner);
    // Its owner was killed.
    await rm(paths.owner, { force: true });
    if (await tryLink(aside, paths.owner)) return;
    throw new SetupFailed(
      'The stack cannot be started',
      `another process is starting it in ${paths.root}`,
      'Use that one',
    );
  } finally {
    await rm(aside, { force: true });
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Ends the ownership of this process. */
export async function resignAsOwner(paths: StatePaths): Promise<void> {
  await rm(paths.owner, { force: true });
}

function alreadyRuns(paths: StatePaths, owner: ProcessIdentity): SetupFailed {
  return new SetupFailed(
    'The stack cannot be started',
    `process ${owner.pid} runs one in ${paths.root} already`,
    'Use it, or type: slipway down',
  );
}
