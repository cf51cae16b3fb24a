import { open, readdir, readFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createInflate, inflate } from 'node:zlib';
import { runGit } from './git-command.ts';
import type { GitObject } from './object-reader.ts';
import { PackIndex } from './pack-index.ts';
import { WholeBody } from './whole-body.ts';

/** `%(deltabase)` is all zeros for what is not kept as a difference from something else. */
const FORMAT = '%(objectname) %(objecttype) %(objectsize) %(objectsize:disk) %(deltabase)';
/** A content of at most this many bytes is read before its turn, a few of them ahead; a larger one streams. */
const WHOLE_BYTES = 1024 * 1024;
const AHEAD = 16;
const CHUNK_BYTES = 256 * 1024;
/** A repository of more packs is read by git alone. */
const MAX_PACKS = 200;
/** In the header of a packed object. */
const BLOB = 3;
const MORE_FOLLOWS = 0x80;
/** Of an object that has a file of its own. */
const HEADER_END = 0;

const inflateAtOnce = promisify(inflate) as (
  bytes: Buffer,
  options: { readonly chunkSize: number },
) => Promise<Buffer>;

interface Sizes {
  readonly sizeBytes: number;
  /** With its header. */
  readonly diskBytes: number;
}

interface Packed extends Sizes {
  readonly pack: FileHandle;
  readonly offset: number;
}

interface Loose extends Sizes {
  readonly file: string;
}

/**
 * Contents that a repository keeps as they are, not as differences from others, read without git: Node's zlib inflates them on all
 * processors, and faster than git's. What is kept in other ways is left to git, which also tells which those are.
 */
export class WholeObjects implements AsyncDisposable {
  readonly #places = new Map<string, Packed | Loose>();
  readonly #packs: FileHandle[] = [];

  /** Finds out which of these lie whole. Their files stay open until it is disposed of, also when git packs anew meanwhile. */
  static async open(
    repository: string,
    objectIds: readonly string[],
    signal?: AbortSignal,
  ): Promise<WholeObjects> {
    // What cannot be looked into is git's to find, or to complain of.
    const objects = new WholeObjects();
    await objects.#find(repository, objectIds, signal).catch(() => objects.#places.clear());
    signal?.throwIfAborted();
    return objects;
  }

  has(objectId: string): boolean {
    return this.#places.has(objectId);
  }

  /** Yields these in the given order, undefined for one that is not as it should be. A body that was not consumed is skipped. */
  async *read(
    objectIds: readonly string[],
    signal?: AbortSignal,
  ): AsyncGenerator<GitObject | undefined, void> {
    const ahead: Promise<Readable | undefined>[] = [];
    for (const [at, objectId] of objectIds.entries()) {
      signal?.throwIfAborted();
      for (const id of objectIds.slice(at + ahead.length, at + AHEAD))
        ahead.push(this.#read(id).catch(() => undefined));
      const body = await ahead.shift();
      yield body && { objectId, sizeBytes: this.#places.get(objectId)?.sizeBytes ?? 0, body };
      body?.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pack of this.#packs) await pack.close();
  }

  async #find(
    repository: string,
    objectIds: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const left = new Map(await wholeOnes(repository, objectIds, signal));
    if (left.size === 0) return;
    const directory = await objectsDirectory(repository, signal);
    for (const { path, index } of await readIndexes(join(directory, 'pack'), objectIds)) {
      const found = [...left].flatMap(([id, sizes]) => {
        const offset = index.find(id);
        return offset === undefined ? [] : [{ id, sizes, offset }];
      });
      if (found.length === 0) continue;
      const pack = await open(path);
      this.#packs.push(pack);
      for (const { id, sizes, offset } of found) {
        this.#places.set(id, { ...sizes, pack, offset });
        left.delete(id);
      }
    }
    if (left.size === 0) return;
    const loose = await looseOnes(directory);
    for (const [id, sizes] of left) {
      const file = loose.get(id);
      if (file !== undefined && sizes.sizeBytes <= WHOLE_BYTES) this.#places.set(id, { ...sizes, file });
    }
  }

  async #read(objectId: string): Promise<Readable | undefined> {
    const place = this.#places.get(objectId);
    if (!place) return undefined;
    return 'pack' in place ? readPacked(place) : readLoose(place);
  }
}

async function wholeOnes(
  repository: string,
  objectIds: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Sizes>> {
  const input = objectIds.map((id) => `${id}\n`).join('');
  const { stdout } = await runGit(repository, ['cat-file', `--batch-check=${FORMAT}`], { input, signal });
  const known = new Map<string, Sizes>();
  for (const line of stdout.toString('latin1').split('\n')) {
    const [id = '', type, size, diskSize, base = ''] = line.split(' ');
    if (type === 'blob' && /^0+$/.test(base))
      known.set(id, { sizeBytes: Number(size), diskBytes: Number(diskSize) });
  }
  return known;
}

async function objectsDirectory(repository: string, signal: AbortSignal | undefined): Promise<string> {
  const { stdout } = await runGit(repository, ['rev-parse', '--git-path', 'objects'], { signal });
  return resolve(repository, stdout.toString('utf8').replace(/\n$/, ''));
}

async function readIndexes(
  directory: string,
  [anId = '']: readonly string[],
): Promise<readonly { readonly path: string; readonly index: PackIndex }[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.idx'));
  if (names.length > MAX_PACKS) return [];
  const indexes = await Promise.all(
    names.map(async (name) => ({
      path: join(directory, name.replace(/idx$/, 'pack')),
      index: await PackIndex.read(join(directory, name), anId.length / 2),
    })),
  );
  return indexes.flatMap(({ path, index }) => (index ? [{ path, index }] : []));
}

/** Files of objects by their ids. */
async function looseOnes(directory: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const first of await readdir(directory)) {
    if (!/^[0-9a-f]{2}$/.test(first)) continue;
    for (const rest of await readdir(join(directory, first)))
      files.set(`${first}${rest}`, join(directory, first, rest));
  }
  return files;
}

/** A header of a type and a size in groups of seven bits, then what zlib made of the content (gitformat-pack). */
async function readPacked({ pack, offset, sizeBytes, diskBytes }: Packed): Promise<Readable | undefined> {
  const isWhole = sizeBytes <= WHOLE_BYTES;
  const wanted = Buffer.allocUnsafe(isWhole ? diskBytes : Math.min(diskBytes, CHUNK_BYTES));
  const { bytesRead } = await pack.read(wanted, 0, wanted.length, offset);
  const bytes = wanted.subarray(0, bytesRead);
  const first = bytes[0] ?? 0;
  let headerBytes = 1;
  if (first & MORE_FOLLOWS) while ((bytes[headerBytes++] ?? 0) & MORE_FOLLOWS);
  if (((first >> 4) & 7) !== BLOB) return undefined;
  if (isWhole)
    return wholeBody(
      await inflateAtOnce(bytes.subarray(headerBytes), { chunkSize: sizeBytes + 64 }),
      sizeBytes,
    );
  const source = pack.createReadStream({
    start: offset + headerBytes,
    end: offset + diskBytes - 1,
    autoClose: false,
    highWaterMark: CHUNK_BYTES,
  });
  return Readable.from(inflated(source, sizeBytes), { objectMode: false });
}

/** `blob <size>\0<content>`, all of it as zlib made it. */
async function readLoose({ file, sizeBytes }: Loose): Promise<Readable | undefined> {
  const object = await inflateAtOnce(await readFile(file), { chunkSize: sizeBytes + 64 });
  return wholeBody(object.subarray(object.indexOf(HEADER_END) + 1), sizeBytes);
}

function wholeBody(content: Buffer, sizeBytes: number): Readable | undefined {
  return content.length === sizeBytes ? new WholeBody([content]) : undefined;
}

async function* inflated(source: Readable, sizeBytes: number): AsyncGenerator<Buffer, void> {
  const inflate = createInflate({ chunkSize: CHUNK_BYTES });
  pipeline(source, inflate, () => undefined);
  let readBytes = 0;
  for await (const chunk of inflate as AsyncIterable<Buffer>) {
    readBytes += chunk.length;
    yield chunk;
  }
  if (readBytes !== sizeBytes) throw new Error(`${readBytes} bytes instead of ${sizeBytes}`);
}
