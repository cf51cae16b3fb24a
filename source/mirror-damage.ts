import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runGit } from './git-command.ts';
import { isThere } from './is-there.ts';

/** How far a mirror is looked through: its commits take seconds, and all that is in it minutes where that is much. */
export type Extent = 'commits' | 'all';

/** What is not looked through by then counts as whole: nothing large is fetched anew on a suspicion. */
const LIMIT_MS = 15 * 60 * 1000;

const COMMITS = ['rev-list', '--quiet', '--all'];
/** Git believes the index of a pack here, also of one that was cut off: so each pack is read as well. */
const CONNECTIONS = ['fsck', '--connectivity-only', '--no-dangling', '--no-progress'];

type Fails = (args: readonly string[]) => Promise<boolean>;

/**
 * Whether a bare repository of ours is none any more, lacks something that its refs lead to or, where all is looked through, has a
 * pack that cannot be read. Others may fetch into it meanwhile, and put its packs together.
 */
export async function isDamaged(directory: string, extent: Extent, signal?: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  const bounded = signal ? AbortSignal.any([signal, limit]) : limit;
  // A git that was killed says nothing of the repository.
  const fails: Fails = async (args) => (await runGit(directory, args, { signal: bounded })).exitCode > 0;
  try {
    if (await fails(COMMITS)) return true;
    return extent === 'all' && ((await fails(CONNECTIONS)) || (await hasBrokenPack(directory, fails)));
  } catch (error) {
    signal?.throwIfAborted();
    if (limit.aborted) return false;
    throw error;
  }
}

async function hasBrokenPack(directory: string, fails: Fails): Promise<boolean> {
  const packs = join('objects', 'pack');
  const names = await readdir(join(directory, packs)).catch(() => []);
  for (const name of names) {
    if (!name.endsWith('.idx')) continue;
    const index = join(packs, name);
    // One that is gone by then was put together with others.
    if ((await fails(['verify-pack', index])) && (await isThere(join(directory, index)))) return true;
  }
  return false;
}
