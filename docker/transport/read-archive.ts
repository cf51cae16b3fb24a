import { posix } from 'node:path';
import { Readable, pipeline } from 'node:stream';
import { extract } from 'tar-stream';
import type { Extract, Header } from 'tar-stream';

import type { BlobStore } from '../../model/blob-store.ts';
import { DIGEST_PATTERN } from '../../model/pure/ids.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StepOptions } from '../engine.ts';
import { toArchivePath } from './archive-path.ts';
import { compressionOf, createUnpacker, isCompressed, MAGIC_BYTES } from './compression.ts';
import { FileSystemTar, isFileSystem } from './file-system-tar.ts';
import { findKnownLayers, LayerNotKnown } from './known-layers.ts';
import type { FindLayers, KnownLayer } from './known-layers.ts';
import { peek } from './peek.ts';
import { storeLayer } from './store-layer.ts';
import type { StoredLayer } from './store-layer.ts';
import { BLOCK_BYTES, isHeader } from './tar-beginning.ts';
import { shortDigest, tellBytes } from './tell-bytes.ts';
import { UnpackBudget } from './unpack-budget.ts';
import type { UnpackLimits } from './unpack-budget.ts';

type Entry = Extract extends AsyncIterable<infer T> ? T : never;

/** Small files are kept in memory until the manifest at the end tells which of them matter. */
export const DOCUMENT_MAX_BYTES = 4 * 1024 * 1024;
const KEPT_MAX_BYTES = 64 * 1024 * 1024;
/** With what is kept already; the rest is for documents, which cannot go to the store. */
const LAYERS_KEPT_MAX_BYTES = 32 * 1024 * 1024;
const MAX_ENTRIES = 20_000;
/** A large file that is no layer: builders lay down what is known of an image beside it. */
const NEITHER = 'neither';

export interface ArchiveOptions extends StepOptions {
  /** Layers that the store has, by what they unpack to: they are not stored again. */
  readonly known?: ReadonlyMap<Digest, KnownLayer> | undefined;
  /** Others that it may have, where the tar says by its names what they unpack to. */
  readonly findLayers?: FindLayers | undefined;
  /** Whether what lies at a path may be taken for one of these. Default: anything. */
  readonly isTrusted?: ((path: string) => boolean) | undefined;
  readonly limits?: UnpackLimits | undefined;
  readonly onLayer?: OnLayer | undefined;
}

/** Told of each layer that is in the store, before the next one comes; of small ones that were kept when all has come. */
export type OnLayer = (layer: StoredLayer) => Promise<void>;

/** Thrown when an image tar names a layer that it does not hold. All that it does hold was looked at before. */
export class LayerAbsent extends TypeError {
  constructor(path: string) {
    super(`it has no layer at ${path}`);
  }
}

/** The parts of an image tar by their paths. */
export interface Archive {
  has(path: string): boolean;
  /** A small file that is no layer. @throws {TypeError} when it is absent or large. */
  document(path: string): Buffer;
  /** A layer, stored as a blob. @throws {LayerAbsent} @throws {TypeError} when it is none. */
  layer(path: string): Promise<StoredLayer>;
  /** Whether it is one of a root file system. */
  readonly isFileSystem: boolean;
  bytesWritten(): number;
}

/**
 * Reads an image tar (plain, gzip or zstd) once, from its beginning to its end: large layers become blobs at once, as do small ones
 * when there are many; other small files are kept, other large ones passed over. @throws {TypeError} when it is no image tar.
 */
export async function readArchive(
  blobs: BlobStore,
  tar: AsyncIterable<unknown>,
  options: ArchiveOptions,
): Promise<Archive> {
  const files = new Map<string, Buffer | StoredLayer | typeof NEITHER>();
  const links = new Map<string, string>();
  const top = new Set<string>();
  const budget = new UnpackBudget(options.limits);
  const store = async (
    path: string,
    body: AsyncIterable<unknown>,
    { sizeBytes, isMistaken = false }: { readonly sizeBytes: number; readonly isMistaken?: boolean },
  ): Promise<StoredLayer> => {
    const told = { layer: shownAs(path), totalBytes: sizeBytes, doing: 'storing' as const };
    const isTrusted = !isMistaken && (options.isTrusted?.(path) ?? true);
    const hints = isTrusted ? await hintsOf(blobs, path, { ...options, sizeBytes }) : {};
    const passing = tellBytes(body, told, options.onProgress);
    const layer = await storeLayer(blobs, passing, { path, signal: options.signal, budget, ...hints });
    await options.onLayer?.(layer);
    return layer;
  };
  /** What is kept need not come once more when it was mistaken. */
  const storeKept = async (path: string, bytes: Buffer): Promise<StoredLayer> => {
    const storeIt = (isMistaken: boolean): Promise<StoredLayer> =>
      store(path, Readable.from([bytes]), { sizeBytes: bytes.length, isMistaken });
    try {
      return await storeIt(false);
    } catch (error) {
      if (!(error instanceof LayerNotKnown)) throw error;
      return storeIt(true);
    }
  };
  let keptBytes = 0;
  let entries = 0;

  try {
    for await (const entry of entriesOf(tar, budget)) {
      options.signal.throwIfAborted();
      entries += 1;
      if (entries > MAX_ENTRIES) throw new TypeError(`it has more than ${MAX_ENTRIES} entries`);
      const header = entry.header;
      const path = toArchivePath(header.name);
      top.add(path.split('/', 1)[0] ?? '');
      if (header.type === 'directory') {
        entry.resume();
        continue;
      }
      if (files.has(path) || links.has(path)) throw new TypeError(`it has ${path} twice`);
      if (header.type === 'symlink' || header.type === 'link') {
        links.set(path, targetOf(path, header));
        entry.resume();
        continue;
      }
      refuseOddEntry(path, header);
      const sizeBytes = header.size ?? 0;
      const { start, whole } = await peek(entry, BLOCK_BYTES);
      const isLarge = sizeBytes > DOCUMENT_MAX_BYTES;
      const isLayer = beginsAsLayer(start);
      if (isLarge && !isLayer) {
        await pass(whole, options.signal);
        files.set(path, NEITHER);
        continue;
      }
      if (isLarge || (isLayer && keptBytes + sizeBytes > LAYERS_KEPT_MAX_BYTES)) {
        files.set(path, await store(path, whole, { sizeBytes }));
        continue;
      }
      keptBytes += sizeBytes;
      if (keptBytes > KEPT_MAX_BYTES) throw new TypeError('its small files are too large in all');
      files.set(path, await readAll(whole));
    }
  } catch (error) {
    // Such a tar is full of what is refused in one of an image.
    if (error instanceof TypeError && isFileSystem(top)) throw new FileSystemTar({ cause: error });
    throw error;
  }

  // Engines link a layer that is there twice; one step is all they need.
  const placeOf = (path: string): string => links.get(path) ?? path;
  const small = new Map<string, Promise<StoredLayer>>();
  return {
    has: (path) => files.has(placeOf(path)),
    document(path) {
      const found = files.get(placeOf(path));
      if (found === undefined) throw new TypeError(`it has no document at ${path}`);
      if (!Buffer.isBuffer(found))
        throw new TypeError(`the document at ${path} is a layer, or larger than ${DOCUMENT_MAX_BYTES} bytes`);
      return found;
    },
    async layer(path) {
      const place = placeOf(path);
      const found = files.get(place);
      if (found === undefined) throw new LayerAbsent(path);
      if (found === NEITHER) throw new TypeError(`layer ${place} is no tar`);
      if (!Buffer.isBuffer(found)) return found;
      const storing = small.get(place) ?? storeKept(place, found);
      small.set(place, storing);
      const stored = await storing;
      files.set(place, stored);
      return stored;
    },
    isFileSystem: isFileSystem(top),
    bytesWritten: () =>
      [...files.values()].reduce(
        (sum, file) => sum + (file === NEITHER || Buffer.isBuffer(file) ? 0 : file.bytesWritten),
        0,
      ),
  };
}

/**
 * Names are only hints of what the store may have already: engines and tools call layers by their digests, and the layers of
 * a classic engine are told by their size. What a layer is is seen by its bytes.
 */
async function hintsOf(
  blobs: BlobStore,
  path: string,
  {
    sizeBytes,
    known,
    findLayers,
    signal,
  }: Pick<ArchiveOptions, 'known' | 'findLayers' | 'signal'> & { readonly sizeBytes: number },
): Promise<Pick<Parameters<typeof storeLayer>[2], 'known' | 'present'>> {
  const hex = /(?:^|\/)([0-9a-f]{64})(?:\.tar)?(?:\.gz)?$/.exec(path)?.[1];
  const digest: Digest | undefined = hex === undefined ? undefined : `sha256:${hex}`;
  const all = [...(known?.values() ?? [])];
  const mayBeKnown =
    digest && known?.has(digest) ? true : all.some(({ unpackedBytes }) => unpackedBytes === sizeBytes);
  const isPresent =
    digest && DIGEST_PATTERN.test(digest) && (await blobs.claim(digest, signal))?.sizeBytes === sizeBytes;
  const found =
    digest && findLayers && !mayBeKnown && !isPresent
      ? await findKnownLayers(blobs, [digest], findLayers, signal)
      : undefined;
  return {
    ...(mayBeKnown || found?.size ? { known: (diffId: Digest) => (found ?? known)?.get(diffId) } : {}),
    ...(isPresent ? { present: digest } : {}),
  };
}

/** Most tools name a layer by a digest. */
function shownAs(path: string): string {
  const digits = /(?:^|\/)([0-9a-f]{64})(?![0-9a-f])/.exec(path)?.[1];
  return digits === undefined ? path : shortDigest(digits);
}

function beginsAsLayer(start: Buffer): boolean {
  return isCompressed(start) || (start.length >= BLOCK_BYTES && isHeader(start.subarray(0, BLOCK_BYTES)));
}

function refuseOddEntry(path: string, { type, pax }: Header): void {
  if (type !== 'file' && type !== 'contiguous-file')
    throw new TypeError(`it has a ${type ?? 'file of an unknown kind'} at ${path}`);
  if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse.')))
    throw new TypeError(`it has a sparse file at ${path}`);
}

function targetOf(path: string, { type, linkname }: Header): string {
  return toArchivePath(linkname ?? '', type === 'symlink' ? posix.dirname(path) : '');
}

async function* entriesOf(tar: AsyncIterable<unknown>, budget: UnpackBudget): AsyncGenerator<Entry> {
  const { start, whole } = await peek(
    counted(tar, (bytes) => budget.came(bytes)),
    MAGIC_BYTES,
  );
  if (start.length === 0) throw new TypeError('it is empty');
  const compression = compressionOf(start);
  const parser = extract();
  const source = Readable.from(whole, { objectMode: false });
  const fail = (error: Error | null | undefined): unknown => error && parser.destroy(error);
  if (compression === 'none') pipeline(source, parser, fail);
  else
    pipeline(
      source,
      createUnpacker(compression),
      (unpacked: AsyncIterable<Buffer>) => counted(unpacked, (bytes) => budget.unpacked(bytes)),
      parser,
      fail,
    );
  try {
    yield* parser;
  } finally {
    source.destroy();
    parser.destroy();
  }
}

async function* counted(
  body: AsyncIterable<unknown>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of body as AsyncIterable<Buffer>) {
    onBytes(chunk.length);
    yield chunk;
  }
}

async function pass(entry: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
  for await (const chunk of entry) {
    void chunk;
    signal.throwIfAborted();
  }
}

async function readAll(entry: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
