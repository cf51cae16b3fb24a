import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { extract, pack } from 'tar-stream';
import type { Header, Pack } from 'tar-stream';
import { PathUnusable } from '../../model/errors.ts';
import { resolvePath } from './archive-path.ts';
import { addEntry, sendTar } from './send-tar.ts';

const DIRECTORY_MODE = 0o755;

export interface PutOptions {
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly signal: AbortSignal;
}

/**
 * Extracts a tar at a directory of a container. Absent directories on the way are made. With `owner`, all of them, the
 * directory itself (unless it is the root) and every entry belong to that owner.
 * @throws {PathUnusable} when it is no directory, or below something that is none.
 */
export async function putArchive(
  container: Docker.Container,
  directory: string,
  { tar, owner, signal }: PutOptions & { readonly tar: Readable },
): Promise<void> {
  const { existing, missing, mode } = await findExisting(container, directory, signal);
  // The engine makes the working directory for root when it creates the container, so one that is there changes hands too.
  const owned = owner !== undefined && missing.length === 0 && existing !== '/';
  const [target, names] = owned ? [posix.dirname(existing), [posix.basename(existing)]] : [existing, missing];
  const prefix = names.map((name) => `${name}/`).join('');
  const out = pack();
  const fill = async (): Promise<void> => {
    await addDirectories(out, names, { mode: owned ? mode : DIRECTORY_MODE, owner });
    await copyEntries(tar, out, (header) => ({ ...header, name: prefix + header.name, ...ownedBy(owner) }));
    out.finalize();
  };
  await sendTar(container, target, { out, fill, signal });
}

/** The part of a path that exists, symlinks followed, and the names below it that do not. */
async function findExisting(
  container: Docker.Container,
  directory: string,
  signal: AbortSignal,
): Promise<{ readonly existing: string; readonly missing: readonly string[]; readonly mode: number }> {
  const missing: string[] = [];
  let existing = posix.resolve('/', directory);
  while (existing !== '/') {
    const found = await resolvePath(container, existing, signal);
    if (found?.stat.type === 'directory') return { existing: found.path, missing, mode: found.stat.mode };
    if (found) throw new PathUnusable(directory, `${existing} is not a directory`);
    missing.unshift(posix.basename(existing));
    existing = posix.dirname(existing);
  }
  return { existing, missing, mode: DIRECTORY_MODE };
}

/** Directories one in the other. */
async function addDirectories(
  out: Pack,
  names: readonly string[],
  { mode, owner }: { readonly mode: number; readonly owner: PutOptions['owner'] },
): Promise<void> {
  for (let depth = 1; depth <= names.length; depth += 1)
    await addEntry(out, { name: `${names.slice(0, depth).join('/')}/`, type: 'directory', mode, ...owner });
}

async function copyEntries(tar: Readable, out: Pack, change: (header: Header) => Header): Promise<void> {
  const source = extract();
  const read = pipeline(tar, source);
  const copy = async (): Promise<void> => {
    for await (const entry of source) {
      const header = change(entry.header);
      if (header.type === 'file') await pipeline(entry, out.entry(header));
      else {
        entry.resume();
        await addEntry(out, header);
      }
    }
  };
  await Promise.all([read, copy()]);
}

/** Names of users are looked up by the engine's own tables and would win over the numbers. */
function ownedBy(owner: PutOptions['owner']): Partial<Header> {
  return owner ? { ...owner, uname: '', gname: '' } : {};
}
