import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream';
import type { BlobStore } from '../../model/blob-store.ts';
import { mapConcurrently } from '../../model/concurrently.ts';
import { isSlipwayError } from '../../model/errors.ts';
import { DIGEST_PATTERN } from '../../model/pure/ids.ts';
import type { Digest } from '../../model/pure/ids.ts';
import { MEDIA_TYPES } from '../endpoint/manifest.ts';
import { compressionOf, createUnpacker, hasRest, MAGIC_BYTES } from './compression.ts';
import type { Compression } from './compression.ts';
import { peek } from './peek.ts';

/** A layer that the store has, by what it unpacks to. */
export interface KnownLayer {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly mediaType: string;
  /** Size of the plain tar. */
  readonly unpackedBytes: number;
}

/** Digests of blobs that are said to unpack to a layer: a hint. */
export type FindLayers = (diffId: Digest) => Promise<readonly string[]>;

/** Thrown when a layer that was taken for one that the store has is another: what passed must come once more, to be stored. */
export class LayerNotKnown extends Error {
  /** Where it lies in the tar. */
  readonly path: string;

  constructor(diffId: Digest, path: string) {
    super(`layer ${diffId} was taken for one that is known`);
    this.path = path;
  }
}

/** So often a tar is read by hints; then each of its layers is stored. */
const HINTED_READS = 2;

/** Reads a tar that can be read again, as often as a layer was mistaken: what it was mistaken for is not looked for at its path again. */
export async function readByHints<T>(
  read: (isTrusted: (path: string) => boolean) => Promise<T>,
  onMistake?: (error: LayerNotKnown) => void,
): Promise<T> {
  const mistaken = new Set<string>();
  for (let reads = 1; ; reads += 1) {
    try {
      return await read((path) => reads <= HINTED_READS && !mistaken.has(path));
    } catch (error) {
      if (!(error instanceof LayerNotKnown)) throw error;
      mistaken.add(error.path);
      onMistake?.(error);
    }
  }
}

const SIDE_BY_SIDE = 3;

/**
 * The layers of an image that the store has already. No hint is believed: each blob is unpacked once, which costs less than
 * to compress and store the layer anew.
 */
export async function findKnownLayers(
  blobs: BlobStore,
  diffIds: readonly Digest[],
  find: FindLayers,
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, KnownLayer>> {
  const known = new Map<Digest, KnownLayer>();
  const look = async (diffId: Digest): Promise<void> => {
    for (const digest of await find(diffId)) {
      if (!DIGEST_PATTERN.test(digest)) continue;
      const layer = await unpackOnce(blobs, digest as Digest, signal);
      if (layer?.diffId !== diffId) continue;
      known.set(diffId, layer.known);
      return;
    }
  };
  await mapConcurrently(new Set(diffIds), look, SIDE_BY_SIDE);
  return known;
}

interface Unpacked {
  readonly diffId: Digest;
  readonly known: KnownLayer;
}

/** What blobs unpack to, as this process has seen it: the same blob always unpacks to the same bytes. */
const seen = new Map<Digest, Unpacked>();
const SEEN_MAX = 10_000;

/** Undefined when it is not in the store, or is no layer. */
async function unpackOnce(
  blobs: BlobStore,
  digest: Digest,
  signal: AbortSignal,
): Promise<Unpacked | undefined> {
  const stat = await blobs.claim(digest, signal);
  if (!stat) return undefined;
  const before = seen.get(digest);
  if (before?.known.sizeBytes === stat.sizeBytes) return before;
  try {
    const unpacked = await unpack(blobs, { digest, sizeBytes: stat.sizeBytes }, signal);
    if (seen.size >= SEEN_MAX) seen.clear();
    seen.set(digest, unpacked);
    return unpacked;
  } catch (error) {
    signal.throwIfAborted();
    // Trouble of the store is not a wrong hint; a damaged blob or no layer at all is.
    if (isSlipwayError(error) && error.type !== 'DigestMismatch' && error.type !== 'BlobNotFound')
      throw error;
    return undefined;
  }
}

async function unpack(
  blobs: BlobStore,
  { digest, sizeBytes }: { readonly digest: Digest; readonly sizeBytes: number },
  signal: AbortSignal,
): Promise<Unpacked> {
  const body = await blobs.read(digest, { signal });
  const { start, whole } = await peek(body, MAGIC_BYTES);
  const compression = compressionOf(start);
  const unpacker = compression === 'none' ? undefined : createUnpacker(compression);
  const plain = unpacker ? pipeline(whole, unpacker, () => undefined) : whole;
  const hash = createHash('sha256');
  let unpackedBytes = 0;
  for await (const chunk of plain as AsyncIterable<Buffer>) {
    hash.update(chunk);
    unpackedBytes += chunk.length;
  }
  if (unpacker && hasRest(unpacker, sizeBytes)) throw new TypeError(`${digest} goes on behind its end`);
  const known = { digest, sizeBytes, mediaType: mediaTypeOf(compression), unpackedBytes };
  return { diffId: `sha256:${hash.digest('hex')}`, known };
}

/** How a manifest calls a layer that is compressed so. */
export function mediaTypeOf(compression: Compression): string {
  return compression === 'none' ? MEDIA_TYPES.ociLayer : `${MEDIA_TYPES.ociLayer}+${compression}`;
}
