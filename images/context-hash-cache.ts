import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { comparePaths } from '../model/path-bytes.ts';
import type { TreeEntry } from '../model/source-tree.ts';

/** Context hashes that were computed before, by everything that they depend on. */
export interface ContextHashCache {
  find(files: ReadonlyMap<string, TreeEntry>, dockerfile: string): Promise<string | undefined>;
  keep(files: ReadonlyMap<string, TreeEntry>, dockerfile: string, contextHash: string): Promise<void>;
}

/** Raised when `context-tar.ts` gives other bytes for the same files. */
const TAR = 1;
const KEPT = 5_000;
const HASH = /^[0-9a-f]{64}$/;

/**
 * A cache in a directory that any number of processes may share; losing it costs time only. What it knows of a context is
 * names, modes and version control's ids of the contents, and the Dockerfile as it is built: equal ones give an equal tar.
 */
export function createContextHashCache(directory: string, kept = KEPT): ContextHashCache {
  const pathOf = (files: ReadonlyMap<string, TreeEntry>, dockerfile: string): string =>
    join(directory, keyOf(files, dockerfile));
  return {
    async find(files, dockerfile) {
      const path = pathOf(files, dockerfile);
      const hash = await readFile(path, 'utf8').catch(() => '');
      if (!HASH.test(hash)) return undefined;
      // The oldest go first when there are too many, so that whatever is used stays.
      const now = new Date();
      await utimes(path, now, now).catch(() => undefined);
      return hash;
    },

    async keep(files, dockerfile, contextHash) {
      const path = pathOf(files, dockerfile);
      const fresh = `${path}.${randomBytes(4).toString('hex')}`;
      try {
        await mkdir(directory, { recursive: true });
        await writeFile(fresh, contextHash);
        await rename(fresh, path);
        await forgetOldest(directory, kept);
      } catch {
        // A full disk must not keep anything from being planned.
        await rm(fresh, { force: true }).catch(() => undefined);
      }
    },
  };
}

function keyOf(files: ReadonlyMap<string, TreeEntry>, dockerfile: string): string {
  const hash = createHash('sha256').update(JSON.stringify([TAR, dockerfile]));
  for (const [name, { kind, objectId }] of [...files].sort(([a], [b]) => comparePaths(a, b)))
    hash.update(JSON.stringify([name, kind, objectId]));
  return hash.digest('hex');
}

async function forgetOldest(directory: string, kept: number): Promise<void> {
  const names = await readdir(directory);
  if (names.length <= kept) return;
  const used = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      return {
        path,
        at: await stat(path).then(
          (found) => found.mtimeMs,
          () => 0,
        ),
      };
    }),
  );
  // A tenth more than has to go, so that not every new one looks at all of them.
  const many = names.length - kept + Math.ceil(kept / 10);
  for (const { path } of used.sort((a, b) => a.at - b.at).slice(0, many)) await rm(path, { force: true });
}
