import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';
import { mapAhead } from '../../model/concurrently.ts';
import { DigestMismatch, isSlipwayError, PathUnusable } from '../../model/errors.ts';
import { statPath } from './archive-path.ts';
import { DIRECTORY_MODE } from './put-archive.ts';
import type { PutOptions } from './put-archive.ts';
import { placesFor } from './put-places.ts';
import type { Entry, FileEntry, Place } from './put-places.ts';
import { addEntry, sendTar } from './send-tar.ts';

const FILE_MODE = 0o644;
const EXECUTABLE_MODE = 0o755;

/** A file of this size or less is read before its turn, so many at a time: never more than their product is held. */
const SMALL_BYTES = 256 * 1024;
const READ_AHEAD = 16;

export interface FileToPut {
  /** Absolute, in the container. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Whoever may read it may execute it, too. */
  readonly executable?: boolean | undefined;
  /** Called once at most. What its stream fails with is what putting it there fails with. */
  open(): Promise<Readable>;
}

export interface PutFilesOptions extends PutOptions {
  /** Made where nothing is. */
  readonly directories?: readonly string[];
  /** Told of each file that has left for the engine. */
  readonly onFile?: (file: FileToPut) => void;
}

/**
 * Puts files into a container, all in one archive; absent directories on the way are made, and those that are there stay as they are,
 * symlinks followed. Several small files are opened at a time, a large one only at its turn.
 * @throws {PathUnusable} when a directory is where a file is to be, or something else where a directory is needed.
 */
export async function putFiles(
  container: Docker.Container,
  files: readonly FileToPut[],
  options: PutFilesOptions,
): Promise<void> {
  const places = await placesFor(
    container,
    { files, directories: options.directories ?? [] },
    options.signal,
  );
  for (const place of places) await putInto(container, place, options);
}

async function putInto(container: Docker.Container, place: Place, options: PutFilesOptions): Promise<void> {
  const { signal } = options;
  const out = pack();
  const fill = async (): Promise<void> => {
    await addAll(out, place.entries, options);
    out.finalize();
  };
  try {
    await sendTar(container, place.root, { out, fill, signal, query: { noOverwriteDirNonDir: '1' } });
  } catch (error) {
    // Only now, so that many files do not cost a question each: an engine has no code for it.
    const inTheWay =
      signal.aborted || isSlipwayError(error)
        ? undefined
        : await findDirectory(container, place, signal).catch(() => undefined);
    if (!inTheWay) throw error;
    throw new PathUnusable(inTheWay.path, 'a directory is there, not a file', { cause: error });
  }
}

async function addAll(
  out: Pack,
  entries: readonly Entry[],
  { owner, onFile }: PutFilesOptions,
): Promise<void> {
  const withBytes = async (entry: Entry): Promise<{ readonly entry: Entry; readonly bytes?: Buffer }> => {
    if (!entry.file || entry.file.sizeBytes > SMALL_BYTES) return { entry };
    return { entry, bytes: await buffer(openWhole(entry.file)) };
  };
  for await (const { entry, bytes } of mapAhead(entries, withBytes, READ_AHEAD)) {
    const { name, file } = entry;
    if (!file) {
      await addEntry(out, { name, type: 'directory', mode: DIRECTORY_MODE, ...owner });
      continue;
    }
    const mode = file.executable ? EXECUTABLE_MODE : FILE_MODE;
    const header = { name, size: file.sizeBytes, mode, ...owner };
    if (bytes) await addEntry(out, header, bytes);
    else await pipeline(openWhole(file), out.entry(header));
    onFile?.(file);
  }
}

/**
 * Fails as soon as it has more bytes than were said, which would be taken for the next entry, and at its end when it has less. Opened
 * when it is read, so that one which nobody comes to read holds nothing.
 */
function openWhole(file: FileToPut): Readable {
  const { path, sizeBytes } = file;
  const lies = (got: string): Error => new DigestMismatch(`Content of ${path}`, `${sizeBytes} bytes`, got);
  async function* whole(): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of await file.open()) {
      const part = Buffer.from(chunk as Buffer);
      bytes += part.byteLength;
      if (bytes > sizeBytes) throw lies('more');
      yield part;
    }
    if (bytes < sizeBytes) throw lies(`${bytes}`);
  }
  return Readable.from(whole(), { objectMode: false });
}

/** The first of the files that a directory stands in the way of. */
async function findDirectory(
  container: Docker.Container,
  { root, entries }: Place,
  signal: AbortSignal,
): Promise<FileToPut | undefined> {
  const isThere = (entry: Entry): entry is FileEntry => entry.file !== undefined && entry.isBeside;
  for (const { name, file } of entries.filter(isThere)) {
    const there = await statPath(container, `${root === '/' ? '' : root}/${name}`, signal);
    if (there?.type === 'directory') return file;
  }
  return undefined;
}
