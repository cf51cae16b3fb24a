import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Checkouts of different ages on one machine take turns: what one of them has used lately stays. */
const UNUSED_MS = 14 * 24 * 60 * 60 * 1000;

/**
 * Marks a file of a cache as used now, and removes those beside it that are named alike (`isAlike`) and that nobody has
 * used for two weeks. Trouble with the others is none of this one's user.
 */
export async function forgetUnused(path: string, isAlike: (name: string) => boolean): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
  const directory = dirname(path);
  for (const name of await readdir(directory).catch(() => [])) {
    if (name === basename(path) || !isAlike(name)) continue;
    const other = join(directory, name);
    const used = await stat(other).catch(() => undefined);
    if (used && now.getTime() - used.mtimeMs > UNUSED_MS)
      await rm(other, { force: true }).catch(() => undefined);
  }
}
