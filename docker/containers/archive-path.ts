import { posix } from 'node:path';
import { PassThrough, pipeline, Readable } from 'node:stream';
import type Docker from 'dockerode';
import { extract } from 'tar-stream';
import { detailOf, statusCodeOf, unlessStatus } from '../engine-errors.ts';

/** Go's `os.FileMode`: the type is in the high bits. */
const MODE_DIRECTORY = 2 ** 31;
const MODE_SYMLINK = 2 ** 27;
const MODE_OTHER_TYPES = 2 ** 26 + 2 ** 25 + 2 ** 24 + 2 ** 21 + 2 ** 19;
const MAX_LINKS = 40;
/** Engines have the kernel's words for it and no code. */
const LEADS_NOWHERE = /too many (links|levels of symbolic links)|not a directory/;

export interface PathStat {
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
  readonly sizeBytes: number;
  /** Permission bits. */
  readonly mode: number;
  /** Of a symlink, as an absolute path in the container. */
  readonly target: string;
}

/** What is at a path of a container, the last part not followed; undefined when nothing is. */
export async function statPath(
  container: Docker.Container,
  path: string,
  signal?: AbortSignal,
): Promise<PathStat | undefined> {
  const response = await headOf(container, path, signal);
  const header = response?.headers?.['x-docker-container-path-stat'];
  if (!header) return undefined;
  const { size, mode, linkTarget } = JSON.parse(Buffer.from(header, 'base64').toString()) as {
    size: number;
    mode: number;
    linkTarget: string;
  };
  return { type: typeOf(mode), sizeBytes: size, mode: mode % 0o1000, target: linkTarget };
}

/** The answer to a HEAD has no body, so of a path through a file or a circle of links only a GET tells that it is no trouble of the engine. */
async function headOf(
  container: Docker.Container,
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly headers?: Readonly<Record<string, string>> } | undefined> {
  try {
    return await unlessStatus([404], () => container.infoArchive({ path, abortSignal: signal }));
  } catch (error) {
    if (statusCodeOf(error) !== 500) throw error;
  }
  try {
    const archive = (await container.getArchive({ path, abortSignal: signal })) as Readable;
    archive.destroy();
  } catch (error) {
    if (LEADS_NOWHERE.test(detailOf(error))) return undefined;
    throw error;
  }
  return undefined;
}

/** The same, symlinks followed, with the path that they lead to. A circle of links is nothing. */
export async function resolvePath(
  container: Docker.Container,
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly path: string; readonly stat: PathStat } | undefined> {
  let current = path;
  for (let links = 0; links < MAX_LINKS; links += 1) {
    const stat = await statPath(container, current, signal);
    if (!stat) return undefined;
    if (stat.type !== 'symlink') return { path: current, stat };
    current = posix.resolve(posix.dirname(current), stat.target);
  }
  return undefined;
}

/** The only file of an archive that the engine made of a file. Breaking the body off ends the request. */
export async function fileOfArchive(
  archive: Readable,
): Promise<
  { readonly sizeBytes: number; readonly executable: boolean; readonly body: Readable } | undefined
> {
  const tar = extract();
  const entries = tar[Symbol.asyncIterator]();
  // An error of the archive destroys the tar, and so reaches the reader of the body.
  pipeline(archive, tar, () => undefined);
  const first = await entries.next();
  if (first.done || first.value.header.type !== 'file') {
    archive.destroy();
    return undefined;
  }
  const entry = first.value;
  return {
    sizeBytes: entry.header.size ?? 0,
    executable: isExecutable(entry.header.mode),
    body: Readable.from(bodyOf(entry, archive), { objectMode: false }),
  };
}

/** Whether a file of an archive is executable, as git counts it: by the bit of its owner. */
export function isExecutable(mode: number | undefined): boolean {
  return ((mode ?? 0) & 0o100) !== 0;
}

/** A stream of the engine that ends with one of Slipway's errors instead of a socket's. */
export function guarded(stream: Readable, toError: (error: unknown) => unknown): Readable {
  const out = new PassThrough();
  stream.once('error', (error) => out.destroy(toError(error) as Error));
  out.once('close', () => stream.destroy());
  return stream.pipe(out);
}

async function* bodyOf(entry: AsyncIterable<unknown>, archive: Readable): AsyncGenerator<unknown> {
  try {
    yield* entry;
  } finally {
    archive.destroy();
  }
}

function typeOf(mode: number): PathStat['type'] {
  if (hasBit(mode, MODE_DIRECTORY)) return 'directory';
  if (hasBit(mode, MODE_SYMLINK)) return 'symlink';
  return (mode & MODE_OTHER_TYPES) === 0 ? 'file' : 'other';
}

/** Bit 31 is the sign in JavaScript's bit operations. */
function hasBit(mode: number, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1;
}
