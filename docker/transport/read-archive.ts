import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import type { Extract, Header } from 'tar-stream';

import type { BlobStore } from '../../model/blob-store.ts';
import type { StepOptions } from '../engine.ts';
import { toArchivePath } from './archive-manifest.ts';
import { storeLayer } from './store-layer.ts';
import type { StoredLayer } from './store-layer.ts';

type Entry = Extract extends AsyncIterable<infer T> ? T : never;

/** Documents are kept in memory until the manifest at the end tells which of them matter. */
const DOCUMENT_MAX_BYTES = 4 * 1024 * 1024;
const DOCUMENTS_MAX_BYTES = 64 * 1024 * 1024;
const MAX_ENTRIES = 20_000;

/** The parts of an image tar by their paths. */
export interface Archive {
  /** A small file. @throws {TypeError} when it is absent or large. */
  document(path: string): Buffer;
  /** A layer, stored as a blob. @throws {TypeError} when it is absent. */
  layer(path: string): Promise<StoredLayer>;
  bytesWritten(): number;
}

/** Reads an image tar once, from its beginning to its end: large files become blobs at once, small ones are kept. */
export async function readArchive(blobs: BlobStore, tar: Readable, options: StepOptions): Promise<Archive> {
  const files = new Map<string, Buffer | StoredLayer>();
  const links = new Map<string, string>();
  let documentBytes = 0;
  let entries = 0;

  for await (const entry of entriesOf(tar)) {
    options.signal.throwIfAborted();
    entries += 1;
    if (entries > MAX_ENTRIES) throw new TypeError(`the tar has more than ${MAX_ENTRIES} entries`);
    const header = entry.header;
    const path = toArchivePath(header.name);
    if (header.type === 'directory') {
      entry.resume();
      continue;
    }
    if (files.has(path) || links.has(path)) throw new TypeError(`the tar has ${path} twice`);
    if (header.type === 'symlink' || header.type === 'link') {
      links.set(path, targetOf(path, header));
      entry.resume();
      continue;
    }
    if (header.type !== 'file' && header.type !== 'contiguous-file')
      throw new TypeError(`the tar has a ${header.type} at ${path}`);
    const sizeBytes = header.size ?? 0;
    if (sizeBytes > DOCUMENT_MAX_BYTES) {
      options.onProgress?.({ message: `storing ${path}`, bytes: sizeBytes });
      files.set(path, await storeLayer(blobs, entry, options));
      continue;
    }
    documentBytes += sizeBytes;
    if (documentBytes > DOCUMENTS_MAX_BYTES)
      throw new TypeError('the small files of the tar are too large in all');
    files.set(path, await readAll(entry));
  }

  // Engines link a layer that is there twice; one step is all they need.
  const find = (path: string): Buffer | StoredLayer | undefined => files.get(links.get(path) ?? path);
  return {
    document(path) {
      const found = find(path);
      if (!Buffer.isBuffer(found)) throw new TypeError(`the tar has no document at ${path}`);
      return found;
    },
    async layer(path) {
      const found = find(path);
      if (found === undefined) throw new TypeError(`the tar has no layer at ${path}`);
      if (!Buffer.isBuffer(found)) return found;
      const stored = await storeLayer(blobs, Readable.from([found]), options);
      files.set(links.get(path) ?? path, stored);
      return stored;
    },
    bytesWritten: () =>
      [...files.values()].reduce((sum, file) => sum + (Buffer.isBuffer(file) ? 0 : file.bytesWritten), 0),
  };
}

function targetOf(path: string, { type, linkname }: Header): string {
  return toArchivePath(linkname ?? '', type === 'symlink' ? posix.dirname(path) : '');
}

async function* entriesOf(tar: Readable): AsyncGenerator<Entry> {
  const parser = extract();
  const fail = (error: Error): unknown => parser.destroy(error);
  tar.once('error', fail);
  // A cut stream ends without an error of its own in some readers.
  tar.once('close', () => tar.readableEnded || fail(new Error('the tar broke off')));
  tar.pipe(parser);
  try {
    yield* parser;
  } finally {
    tar.unpipe(parser);
    parser.destroy();
  }
}

async function readAll(entry: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
