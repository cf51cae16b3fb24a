import { posix } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { extract } from 'tar-stream';
import type { Header } from 'tar-stream';
import { PathUnusable } from '../../model/errors.ts';
import { tarEnd, tarHeader, tarPadding, tarTime } from '../../model/gnu-tar.ts';
import type { TarEntry } from '../../model/gnu-tar.ts';
import { resolvePath } from './archive-path.ts';
import { sendTar } from './send-tar.ts';

export const DIRECTORY_MODE = 0o755;
/** A character for each byte of a name that is not in pax, so that none is lost. Its types do not know the option. */
const BYTES_AS_LATIN1: Parameters<typeof extract>[0] & { filenameEncoding: 'latin1' } = {
  filenameEncoding: 'latin1',
};

export interface PutOptions {
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly signal: AbortSignal;
}

/**
 * Extracts a tar of files, directories and symlinks at a directory of a container. Absent directories on the way are made. With `owner`, all of them, the
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
  const place = {
    names: [...namesIn(existing), ...missing],
    made: owned ? 1 : missing.length,
    mode: owned ? mode : DIRECTORY_MODE,
    owner,
  };
  const out = new PassThrough();
  const fill = (): Promise<void> => pipeline(moveInto(place, tar), out);
  // From the root: an engine refuses a link that leads out of where it extracts, even one that stays in the container.
  await sendTar(container, '/', { out, fill, signal });
}

/** The names of which a path is made. */
export function namesIn(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '');
}

/** The part of a path that exists, symlinks followed, and the names below it that do not. */
export async function findExisting(
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

export interface PlaceInContainer {
  /** From the root, of which the last few are made. */
  readonly names: readonly string[];
  readonly made: number;
  /** Of what is made. */
  readonly mode: number;
  readonly owner: PutOptions['owner'];
}

/** The headers of directories that are made at a place, each before what is in it. */
export function* madeDirectories({ names, made, mode, owner }: PlaceInContainer): Generator<Buffer, void> {
  const mtimeSeconds = Math.floor(Date.now() / 1000);
  for (let depth = names.length - made + 1; depth <= names.length; depth += 1) {
    const name = pathOf(names.slice(0, depth));
    yield tarHeader({ name, mode, type: 'directory', sizeBytes: 0, mtimeSeconds, owner });
  }
}

function pathOf(names: readonly string[]): Buffer {
  return Buffer.from(names.map((name) => `${name}/`).join(''));
}

/** The tar with its entries below a directory. Names and targets of links keep their bytes, whatever those are. */
async function* moveInto(place: PlaceInContainer, tar: Readable): AsyncGenerator<Buffer, void> {
  const { owner } = place;
  const directory = pathOf(place.names);
  let writtenBytes = 0;
  const count = (bytes: Buffer): Buffer => {
    writtenBytes += bytes.length;
    return bytes;
  };
  for (const header of madeDirectories(place)) yield count(header);

  const entries = extract(BYTES_AS_LATIN1);
  const read = pipeline(tar, entries);
  read.catch(() => undefined);
  for await (const entry of entries) {
    const moved = { ...toEntry(entry.header), ...(owner ? { owner } : {}) };
    const { mtime } = paxOf(entry.header);
    if (mtime !== undefined) yield count(tarTime(new Date(Math.round(Number(mtime) * 1000))));
    yield count(tarHeader({ ...moved, name: Buffer.concat([directory, moved.name]) }));
    if (moved.sizeBytes === 0) entry.resume();
    else for await (const chunk of entry) yield count(chunk as Buffer);
    yield count(tarPadding(moved.sizeBytes));
  }
  await read;
  yield tarEnd(writtenBytes);
}

/** Names of users are left out: the engine looks them up by its own tables, and they would win over the numbers. */
function toEntry(header: Header): TarEntry {
  const { name, linkname, type, mode, size, mtime, uid, gid } = header;
  if (type !== 'file' && type !== 'directory' && type !== 'symlink')
    throw new TypeError(`"${name}" is a ${type}, which is not put into containers`);
  const inPax = paxOf(header);
  const bytesOf = (text: string, key: string): Buffer => Buffer.from(text, key in inPax ? 'utf8' : 'latin1');
  return {
    name: bytesOf(name, 'path'),
    ...(type === 'symlink' ? { linkName: bytesOf(linkname, 'linkpath') } : {}),
    type,
    mode,
    sizeBytes: type === 'file' ? size : 0,
    mtimeSeconds: Math.floor(mtime.getTime() / 1000),
    owner: { uid, gid },
  };
}

function paxOf({ pax }: Header): Readonly<Record<string, string>> {
  return (pax ?? {}) as Readonly<Record<string, string>>;
}
