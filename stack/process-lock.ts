import { createHash, randomUUID } from 'node:crypto';
import { readFile, readlink, rm, symlink } from 'node:fs/promises';
import { identifyProcess, isRunning, processIdentitySchema } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

/**
 * Takes what only one process of this machine shall have at a time. Gives undefined when this process has it now, else the
 * living one that has it. One that was killed holds nothing: it has one heir, and that one again.
 *
 * A lock is a symbolic link that points nowhere: it appears with its text at once, and only when there is none yet. A dead
 * holder's link is never taken away, since between a look and a removal somebody else may have taken the lock; who comes after
 * it makes a link that is named after the dead one's text, which no other holder has. Only who holds the lock removes links.
 */
export async function takeLock(path: string): Promise<ProcessIdentity | undefined> {
  const own = JSON.stringify({ ...(await identifyProcess(process.pid)), id: randomUUID() });
  for (;;) {
    if (await tryLink(own, path)) return undefined;
    const [first, ...heirs] = await readChain(path);
    // Given up in this moment.
    if (!first) continue;
    const last = heirs.at(-1) ?? first;
    const holder = holderIn(last.text);
    if (holder && (await isRunning(holder))) return holder;
    const heir = heirPath(path, last.text);
    if (!(await tryLink(own, heir))) continue;
    // Unless another heir came and has gone meanwhile, and with it all that was seen here.
    if ((await readText(path)) === first.text) return undefined;
    await rm(heir, { force: true });
  }
}

/** The living process that has a lock. */
export async function findLockHolder(path: string): Promise<ProcessIdentity | undefined> {
  const holder = holderIn((await readChain(path)).at(-1)?.text);
  return holder && (await isRunning(holder)) ? holder : undefined;
}

/** Gives up what this process has; leaves alone what another one has. */
export async function releaseLock(path: string): Promise<void> {
  const chain = await readChain(path);
  const holder = holderIn(chain.at(-1)?.text);
  if (holder?.pid !== process.pid || !(await isRunning(holder))) return;
  // The first one first: without it the others mean nothing.
  for (const link of chain) await rm(link.path, { force: true });
}

interface Link {
  readonly path: string;
  readonly text: string;
}

/** The first holder, its heir, that one's heir; all but the last are dead. */
async function readChain(path: string): Promise<readonly Link[]> {
  const chain: Link[] = [];
  let next = path;
  for (;;) {
    const text = await readText(next);
    if (text === undefined) return chain;
    chain.push({ path: next, text });
    next = heirPath(path, text);
  }
}

function heirPath(path: string, text: string): string {
  return `${path}.after-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

function holderIn(text: string | undefined): ProcessIdentity | undefined {
  try {
    return processIdentitySchema.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // An earlier version wrote the owner of a stack into a file.
    if (code === 'EINVAL') return readFile(path, 'utf8');
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function tryLink(text: string, path: string): Promise<boolean> {
  try {
    await symlink(text, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
