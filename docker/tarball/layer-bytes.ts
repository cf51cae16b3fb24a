import { pipeline, Readable } from 'node:stream';
import type { BlobStore } from '../../model/blob-store.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { Descriptor } from '../endpoint/manifest.ts';
import { compressionOf, createUnpacker } from '../transport/compression.ts';
import { peek } from '../transport/peek.ts';

/** The first header of a tar; a compressed one tells itself by less. */
const HEADER_BYTES = 512;

/** Sizes that were measured, by the digest of the stored blob: the same blob always unpacks to the same bytes. */
const measured = new Map<Digest, number>();
const MEASURED_MAX = 10_000;

/**
 * A stored layer as the plain tar that it is inside. Goes by its first bytes: a classic engine calls every layer compressed, also
 * one that a containerd store has published plain. @throws {TypeError} when its compression is not known.
 */
export async function readLayer(
  blobs: BlobStore,
  { digest, mediaType }: Descriptor,
  signal: AbortSignal,
): Promise<Readable> {
  expectLayer(mediaType);
  const { start, whole } = await peek(await blobs.read(digest, { signal }), HEADER_BYTES);
  const compression = compressionOf(start);
  if (compression === 'none' && !mediaType.endsWith('.tar') && start.toString('latin1', 257, 262) !== 'ustar')
    throw new TypeError(`incorrect header of ${digest}: it is neither compressed nor a tar`);
  const body = Readable.from(whole, { objectMode: false });
  // Errors of either come out of the end that is read, and giving that up ends the other.
  return compression === 'none' ? body : pipeline(body, createUnpacker(compression), () => undefined);
}

/**
 * Size of a stored layer when unpacked: the header of a tar's entry needs it before the first byte. No compressed form
 * tells it for certain (gzip keeps it modulo 4 GiB, and of the last member only), so the layer is unpacked once to be measured.
 */
export async function measureLayer(
  blobs: BlobStore,
  layer: Descriptor,
  signal: AbortSignal,
): Promise<number> {
  if (layer.mediaType.endsWith('.tar')) return layer.size;
  const known = measured.get(layer.digest);
  if (known !== undefined) return known;
  let sizeBytes = 0;
  for await (const chunk of await readLayer(blobs, layer, signal)) sizeBytes += (chunk as Buffer).length;
  if (measured.size >= MEASURED_MAX) measured.clear();
  measured.set(layer.digest, sizeBytes);
  return sizeBytes;
}

function expectLayer(mediaType: string): void {
  if (!/[.+](gzip|zstd|tar)$/.test(mediaType))
    throw new TypeError(`layers of type ${mediaType} cannot be unpacked`);
}
