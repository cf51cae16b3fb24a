import { createHash } from 'node:crypto';
import { Readable, addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { DigestMismatch, StoreUnavailable, WriteConflict } from '../model/errors.ts';
import { checkSize } from './body-parts.ts';
import { checkKey } from './keys.ts';
import type { ObjectInfo, ObjectStore, PutOptions } from './object-store.ts';

interface MemoryObject {
  readonly info: ObjectInfo;
  readonly body: Buffer;
}

/** An object store in memory, with the same promises as the one over S3; for tests, and for what needs no server. `now` is its clock. */
export function createMemoryObjectStore(bucket = 'memory', now = (): Date => new Date()): ObjectStore {
  const objects = new Map<string, MemoryObject>();

  function write(key: string, body: Buffer, options: PutOptions): MemoryObject {
    checkKey(key);
    const sha256 = createHash('sha256').update(body).digest('hex');
    if (options.sha256 !== undefined && options.sha256 !== sha256)
      throw new DigestMismatch(key, options.sha256, sha256);
    const present = objects.get(key);
    const { onlyIf, metadata = {}, contentType = 'application/octet-stream' } = options;
    if (onlyIf === 'absent' ? present : onlyIf && present?.info.etag !== onlyIf.etag)
      throw new WriteConflict(key);
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    const facts = { key, sizeBytes: body.length, etag, lastModified: now(), contentType, sha256 };
    const object = { info: { ...facts, metadata: lowerCaseKeys(metadata) }, body };
    objects.set(key, object);
    return object;
  }

  return {
    bucket,
    async head(key, signal) {
      signal?.throwIfAborted();
      checkKey(key);
      return objects.get(key)?.info;
    },
    async get(key, signal) {
      signal?.throwIfAborted();
      checkKey(key);
      const object = objects.get(key);
      return object && { info: object.info, body: Buffer.from(object.body) };
    },
    async stream(key, options = {}) {
      options.signal?.throwIfAborted();
      checkKey(key);
      const object = objects.get(key);
      if (!object) return undefined;
      return Readable.from(slices(object.body, options.start ?? 0), { objectMode: false });
    },
    async put(key, body, options = {}) {
      options.signal?.throwIfAborted();
      return { etag: write(key, Buffer.from(body), options).info.etag };
    },
    async putStream(key, body, options = {}) {
      const { signal } = options;
      checkKey(key);
      if (signal) addAbortSignal(signal, body);
      const bytes = await buffer(body).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw error;
      });
      checkSize(key, bytes.length, options.sizeBytes);
      const { etag, sizeBytes, sha256 = '' } = write(key, bytes, options).info;
      return { etag, sizeBytes, sha256 };
    },
    async copy(from, to, options = {}) {
      options.signal?.throwIfAborted();
      const source = objects.get(from);
      if (!source) throw new StoreUnavailable('CopyObject', bucket, from, 'there is no such object');
      const replaces = options.contentType !== undefined || options.metadata !== undefined;
      write(to, source.body, replaces ? options : { ...source.info, sha256: undefined });
    },
    async delete(keys, signal) {
      signal?.throwIfAborted();
      for (const key of keys) objects.delete(key);
    },
    async deleteIf(key, etag, signal) {
      signal?.throwIfAborted();
      return objects.get(key)?.info.etag === etag && objects.delete(key);
    },
    abortUploads: () => Promise.resolve(0),
    async *list(prefix, options = {}) {
      const { startAfter = '', signal } = options;
      signal?.throwIfAborted();
      // S3 orders keys by their UTF-8 bytes.
      const order = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && order(key, startAfter) > 0);
      for (const key of keys.sort(order)) {
        signal?.throwIfAborted();
        const info = objects.get(key)?.info;
        if (info) yield { key, sizeBytes: info.sizeBytes, etag: info.etag, lastModified: info.lastModified };
      }
    },
  };
}

function* slices(body: Buffer, start: number): Generator<Buffer> {
  const SLICE_BYTES = 64 * 1024;
  for (let from = start; from < body.length; from += SLICE_BYTES)
    yield body.subarray(from, from + SLICE_BYTES);
}

function lowerCaseKeys(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value]));
}
