import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { extract, pack } from 'tar-stream';
import type { Header, Pack } from 'tar-stream';
import { PathUnusable } from '../../model/errors.ts';
import { statusCodeOf } from '../engine-errors.ts';
import { resolvePath } from './archive-path.ts';

const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;
const EXECUTABLE_MODE = 0o755;

export interface PutOptions {
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly signal: AbortSignal;
}

export interface PutFileOptions extends PutOptions {
  /** Whoever may read it may execute it, too. */
  readonly executable?: boolean | undefined;
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
  await send(container, target, { out, fill, signal, query: {} });
}

/**
 * Puts one file into a container; absent directories on the way are made. A directory at that path stays.
 * @throws {PathUnusable} when there is one, or it is below something that is no directory.
 */
export async function putFile(
  container: Docker.Container,
  path: string,
  {
    body,
    sizeBytes,
    executable = false,
    owner,
    signal,
  }: PutFileOptions & { readonly body: Readable; readonly sizeBytes: number },
): Promise<void> {
  const { existing, missing } = await findExisting(container, posix.dirname(path), signal, path);
  const name = [...missing, posix.basename(path)].join('/');
  const out = pack();
  const fill = async (): Promise<void> => {
    await addDirectories(out, missing, { mode: DIRECTORY_MODE, owner });
    const mode = executable ? EXECUTABLE_MODE : FILE_MODE;
    await pipeline(body, out.entry({ name, size: sizeBytes, mode, ...owner }));
    out.finalize();
  };
  try {
    await send(container, existing, { out, fill, signal, query: { noOverwriteDirNonDir: '1' } });
  } catch (error) {
    // Only now, so that many files do not cost a question each: an engine has no code for it.
    const isRefused = statusCodeOf(error) !== undefined && missing.length === 0;
    const there = isRefused ? await resolvePath(container, path, signal) : undefined;
    if (there?.stat.type !== 'directory') throw error;
    throw new PathUnusable(path, 'a directory is there, not a file', { cause: error });
  }
}

async function send(
  container: Docker.Container,
  path: string,
  options: {
    readonly out: Pack;
    readonly fill: () => Promise<void>;
    readonly signal: AbortSignal;
    readonly query: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { out, fill, signal, query } = options;
  let sourceError: unknown;
  const filled = fill().catch((error: unknown) => {
    sourceError ??= error;
    out.destroy();
  });
  try {
    const file = Readable.from(out, { objectMode: false });
    await container.putArchive(file, { path, ...query, abortSignal: signal });
    await filled;
  } catch (error) {
    out.destroy();
    await filled;
    // When the source broke, the request broke with it: the source's error is the one to tell.
    throw sourceError !== undefined && !isOwnDestroy(sourceError) ? sourceError : error;
  }
  if (sourceError !== undefined) throw sourceError;
}

/** The part of a path that exists, symlinks followed, and the names below it that do not. `wanted` is the path that it is for. */
async function findExisting(
  container: Docker.Container,
  directory: string,
  signal: AbortSignal,
  wanted = directory,
): Promise<{ readonly existing: string; readonly missing: readonly string[]; readonly mode: number }> {
  const missing: string[] = [];
  let existing = posix.resolve('/', directory);
  while (existing !== '/') {
    const found = await resolvePath(container, existing, signal);
    if (found?.stat.type === 'directory') return { existing: found.path, missing, mode: found.stat.mode };
    if (found) throw new PathUnusable(wanted, `${existing} is not a directory`);
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

function addEntry(out: Pack, header: Partial<Header> & Pick<Header, 'name'>): Promise<void> {
  return new Promise((resolve, reject) => {
    out.entry(header, (error) => (error ? reject(error) : resolve()));
  });
}

/** Names of users are looked up by the engine's own tables and would win over the numbers. */
function ownedBy(owner: PutOptions['owner']): Partial<Header> {
  return owner ? { ...owner, uname: '', gname: '' } : {};
}

function isOwnDestroy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
