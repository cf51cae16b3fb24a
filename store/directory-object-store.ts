import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { link, mkdir, open, readFile, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { DigestMismatch, StoreUnavailable, WriteConflict } from '../model/errors.ts';
import { spoolBody } from './directory-spool.ts';
import type { Spooled } from './directory-spool.ts';
import { checkKey } from './keys.ts';
import type { ObjectInfo, ObjectStore, PutOptions } from './object-store.ts';

/** What is known of an object besides its bytes; `inode` says of which bytes. */
const factsSchema = z.object({
  inode: z.string(),
  sizeBytes: z.number(),
  etag: z.string(),
  sha256: z.string(),
  contentType: z.string(),
  metadata: z.record(z.string(), z.string()),
});
type Facts = z.infer<typeof factsSchema>;

const ABSENT = new Set(['ENOENT', 'ENOTDIR']);
/** Bytes and facts of an object are put in place one after the other; a reader in between looks again. */
const LOOK_AGAIN_MS = 5;
const LOOKS = 50;
const TRIES = 20;

/**
 * An object store in a directory of this machine, for what needs no server: `files/<key>` has the bytes as they are, for
 * people too, `facts/<key>` the rest. Keeps the promises of the one over S3; only that a condition on an etag holds among the
 * writers of one process.
 */
export function createDirectoryObjectStore(directory: string): ObjectStore {
  return new DirectoryObjectStore(directory);
}

class DirectoryObjectStore implements ObjectStore {
  readonly bucket: string;
  readonly #writing = new Map<string, Promise<unknown>>();

  constructor(directory: string) {
    this.bucket = directory;
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    signal?.throwIfAborted();
    const found = await this.#open(key);
    await found?.handle.close();
    return found?.info;
  }

  async get(key: string, signal?: AbortSignal): ReturnType<ObjectStore['get']> {
    signal?.throwIfAborted();
    const found = await this.#open(key);
    if (!found) return undefined;
    try {
      return { info: found.info, body: await found.handle.readFile() };
    } finally {
      await found.handle.close();
    }
  }

  async stream(
    key: string,
    { start = 0, signal }: { readonly start?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Readable | undefined> {
    signal?.throwIfAborted();
    const found = await this.#open(key);
    if (!found) return undefined;
    if (start < found.info.sizeBytes)
      return found.handle.createReadStream({ start, ...(signal ? { signal } : {}) });
    await found.handle.close();
    return Readable.from([], { objectMode: false });
  }

  async put(key: string, body: Buffer, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    return this.putStream(key, Readable.from([body]), options);
  }

  async putStream(
    key: string,
    body: Readable,
    options: PutOptions & { readonly sizeBytes?: number } = {},
  ): ReturnType<ObjectStore['putStream']> {
    const { signal, sizeBytes } = options;
    signal?.throwIfAborted();
    checkKey(key);
    const spooled = await spoolBody(body, { path: this.#temporary(), key, sizeBytes, signal });
    try {
      if (options.sha256 !== undefined && options.sha256 !== spooled.sha256)
        throw new DigestMismatch(key, options.sha256, spooled.sha256);
      return await this.#place(key, spooled, options);
    } finally {
      await rm(spooled.path, { force: true });
    }
  }

  async copy(from: string, to: string, options: Parameters<ObjectStore['copy']>[2] = {}): Promise<void> {
    options.signal?.throwIfAborted();
    checkKey(to);
    const info = await this.head(from);
    const path = this.#temporary();
    try {
      if (!info?.sha256) throw new Error('there is no such object');
      // Bytes are only ever replaced, never changed, so that two objects may share them.
      await link(this.#file(from), path);
      const replaces = options.contentType !== undefined || options.metadata !== undefined;
      const { sizeBytes, sha256, etag } = info;
      await this.#place(to, { path, sizeBytes, sha256, etag }, replaces ? options : info);
    } catch (error) {
      throw new StoreUnavailable('CopyObject', this.bucket, from, (error as Error).message, { cause: error });
    } finally {
      await rm(path, { force: true });
    }
  }

  async delete(keys: readonly string[], signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    for (const key of keys) await this.#alone(key, () => this.#remove(key));
  }

  deleteIf(key: string, etag: string, signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    return this.#alone(key, async () => {
      if ((await this.head(key))?.etag !== etag) return false;
      await this.#remove(key);
      return true;
    });
  }

  async abortUploads(
    begunBefore: Date,
    _signal?: AbortSignal,
    { onlyCount = false }: { readonly onlyCount?: boolean } = {},
  ): Promise<number> {
    const directory = dirname(this.#temporary());
    const names = await readdir(directory).catch(unlessAbsent([]));
    const old = [];
    for (const name of names) {
      const found = await stat(join(directory, name)).catch(unlessAbsent(undefined));
      if (found && found.mtime < begunBefore) old.push(join(directory, name));
    }
    if (!onlyCount) for (const path of old) await rm(path, { force: true });
    return old.length;
  }

  async *list(
    prefix: string,
    { startAfter = '', signal }: Parameters<ObjectStore['list']>[1] = {},
  ): AsyncIterable<ObjectInfo> {
    signal?.throwIfAborted();
    const within = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const root = join(this.bucket, 'files');
    const entries = await readdir(join(root, within), { recursive: true, withFileTypes: true }).catch(
      unlessAbsent([]),
    );
    const keys = entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      .filter((key) => key.startsWith(prefix) && byBytes(key, startAfter) > 0);
    for (const key of keys.sort(byBytes)) {
      signal?.throwIfAborted();
      const info = await this.head(key);
      if (info) yield { key, sizeBytes: info.sizeBytes, etag: info.etag, lastModified: info.lastModified };
    }
  }

  /** The bytes of an object, and what is said of these and no others. */
  async #open(key: string): Promise<{ readonly handle: FileHandle; readonly info: ObjectInfo } | undefined> {
    checkKey(key);
    for (let look = 1; look <= LOOKS; look += 1) {
      const handle = await open(this.#file(key)).catch(unlessAbsent(undefined));
      if (!handle) return undefined;
      const [{ ino, mtime }, facts] = await Promise.all([handle.stat({ bigint: true }), this.#facts(key)]);
      if (facts?.inode === String(ino)) {
        const { inode: _inode, ...known } = facts;
        return { handle, info: { key, ...known, lastModified: mtime } };
      }
      await handle.close();
      await delay(LOOK_AGAIN_MS);
    }
    // Whoever wrote it was killed between the one and the other.
    return undefined;
  }

  async #facts(key: string): Promise<Facts | undefined> {
    const text = await readFile(join(this.bucket, 'facts', key), 'utf8').catch(unlessAbsent(undefined));
    return text === undefined ? undefined : factsSchema.parse(JSON.parse(text));
  }

  #place(
    key: string,
    { path, sizeBytes, sha256, etag }: Spooled,
    options: Pick<PutOptions, 'onlyIf' | 'metadata' | 'contentType'>,
  ): Promise<{ readonly etag: string; readonly sizeBytes: number; readonly sha256: string }> {
    const { onlyIf, metadata = {}, contentType = 'application/octet-stream' } = options;
    return this.#alone(key, async () => {
      const target = this.#file(key);
      const stood = onlyIf === 'absent' && (await isThere(target));
      const present = onlyIf === undefined ? undefined : await this.head(key);
      if (onlyIf === 'absent' ? present : onlyIf && present?.etag !== onlyIf.etag)
        throw new WriteConflict(key);
      const { ino } = await stat(path, { bigint: true });
      const facts: Facts = {
        inode: String(ino),
        sizeBytes,
        etag,
        sha256,
        contentType,
        metadata: lowerCaseKeys(metadata),
      };
      const written = this.#temporary();
      await writeFile(written, JSON.stringify(facts));
      // A name that is made by a link is made by one process only. What was left half-written is replaced.
      const put = onlyIf === 'absent' && !stood ? () => link(path, target) : () => rename(path, target);
      await inDirectory(dirname(target), put).catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'EEXIST' ? new WriteConflict(key) : error;
      });
      const of = join(this.bucket, 'facts', key);
      await inDirectory(dirname(of), () => rename(written, of));
      return { etag, sizeBytes, sha256 };
    });
  }

  async #remove(key: string): Promise<void> {
    checkKey(key);
    for (const part of ['facts', 'files']) {
      const root = join(this.bucket, part);
      await rm(join(root, key), { force: true }).catch(unlessAbsent(undefined));
      // An empty directory would stand in the way of an object of its name.
      for (let above = dirname(join(root, key)); above !== root; above = dirname(above))
        if (
          !(await rmdir(above).then(
            () => true,
            () => false,
          ))
        )
          break;
    }
  }

  /** One after the other, what this process does to one object. */
  async #alone<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#writing.get(key) ?? Promise.resolve();
    const now = before.then(work, work);
    this.#writing.set(key, now);
    try {
      return await now;
    } finally {
      if (this.#writing.get(key) === now) this.#writing.delete(key);
    }
  }

  #file(key: string): string {
    return join(this.bucket, 'files', key);
  }

  #temporary(): string {
    return join(this.bucket, 'unfinished', randomUUID());
  }
}

/** Somebody may just be taking the directory away, since it was empty. */
async function inDirectory<T>(directory: string, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    await mkdir(directory, { recursive: true });
    try {
      return await work();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === TRIES) throw error;
    }
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(unlessAbsent(undefined))) !== undefined;
}

function unlessAbsent<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (ABSENT.has(error.code ?? '')) return instead;
    throw error;
  };
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

function lowerCaseKeys(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value]));
}
