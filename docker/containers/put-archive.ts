import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { extract, pack } from 'tar-stream';
import type { Header, Pack } from 'tar-stream';
import { EngineRequestFailed } from '../../model/errors.ts';
import { resolvePath } from './archive-path.ts';

const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;

export interface PutOptions {
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly signal: AbortSignal;
}

/**
 * Extracts a tar at a directory of a container. Absent directories on the way are made. With `owner`, all of them, the
 * directory itself (unless it is the root) and every entry belong to that owner.
 */
export async function putArchive(
  container: Docker.Container,
  directory: string,
  { tar, owner, signal }: PutOptions & { readonly tar: Readable },
): Promise<void> {
  const { existing, missing, mode } = await findExisting(container, directory, signal);
  const path = missing.length > 0 ? `${missing.join('/')}/` : '';
  const out = pack();
  const fill = async (): Promise<void> => {
    await addDirectories(out, missing, owner);
    // The engine makes the working directory for root when it creates the container.
    if (missing.length === 0 && owner && existing !== '/')
      await addEntry(out, { name: './', type: 'directory', mode, ...owner });
    await copyEntries(tar, out, (header) => ({ ...header, name: path + header.name, ...ownedBy(owner) }));
    out.finalize();
  };
  await send(container, existing, { out, fill, signal, query: {} });
}

/** Puts one file into a container; absent directories on the way are made. A directory at that path stays and is an error. */
export async function putFile(
  container: Docker.Container,
  path: string,
  { body, sizeBytes, owner, signal }: PutOptions & { readonly body: Readable; readonly sizeBytes: number },
): Promise<void> {
  const { existing, missing } = await findExisting(container, posix.dirname(path), signal);
  const name = [...missing, posix.basename(path)].join('/');
  const out = pack();
  const fill = async (): Promise<void> => {
    await addDirectories(out, missing, owner);
    await pipeline(body, out.entry({ name, size: sizeBytes, mode: FILE_MODE, ...owner }));
    out.finalize();
  };
  await send(container, existing, { out, fill, signal, query: { noOverwriteDirNonDir: '1' } });
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
    const response = (await container.putArchive(file, {
      path,
      ...query,
      abortSignal: signal,
    })) as unknown as Readable;
    response.resume();
    await filled;
  } catch (error) {
    out.destroy();
    await filled;
    // When the source broke, the request broke with it: the source's error is the one to tell.
    throw sourceError !== undefined && !isOwnDestroy(sourceError) ? sourceError : error;
  }
  if (sourceError !== undefined) throw sourceError;
}

/** The part of a path that exists (symlinks followed by the engine) and the names below it that do not. */
async function findExisting(
  container: Docker.Container,
  directory: string,
  signal: AbortSignal,
): Promise<{ readonly existing: string; readonly missing: readonly string[]; readonly mode: number }> {
  const missing: string[] = [];
  let existing = posix.resolve('/', directory);
  while (existing !== '/') {
    const found = await resolvePath(container, existing, signal);
    if (found?.stat.type === 'directory') return { existing, missing, mode: found.stat.mode };
    if (found)
      throw new EngineRequestFailed(`put files into ${directory}`, 400, `${existing} is not a directory`);
    missing.unshift(posix.basename(existing));
    existing = posix.dirname(existing);
  }
  return { existing, missing, mode: DIRECTORY_MODE };
}

async function addDirectories(
  out: Pack,
  names: readonly string[],
  owner: PutOptions['owner'],
): Promise<void> {
  for (let depth = 1; depth <= names.length; depth += 1)
    await addEntry(out, {
      name: `${names.slice(0, depth).join('/')}/`,
      type: 'directory',
      mode: DIRECTORY_MODE,
      ...owner,
    });
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
