import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { BlobStore } from '../../model/blob-store.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { Descriptor } from '../endpoint/manifest.ts';

const CHUNK_BYTES = 256 * 1024;

/** Sizes that were measured, by the digest of the stored blob: the same blob always unpacks to the same bytes. */
const measured = new Map<Digest, number>();
const MEASURED_MAX = 10_000;

/** A stored layer as the plain tar that it is inside. @throws {TypeError} when its compression is not known. */
export async function readLayer(
  blobs: BlobStore,
  { digest, mediaType }: Descriptor,
  signal: AbortSignal,
): Promise<Readable> {
  const compression = compressionOf(mediaType);
  const body = await blobs.read(digest, { signal });
  if (compression === 'none') return body;
  const unpack =
    compression === 'gzip'
      ? createGunzip({ chunkSize: CHUNK_BYTES })
      : createZstdDecompress({ chunkSize: CHUNK_BYTES });
  // Errors of either come out of the end that is read, and giving that up ends the other.
  return pipeline(body, unpack, () => undefined);
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
  if (compressionOf(layer.mediaType) === 'none') return layer.size;
  const known = measured.get(layer.digest);
  if (known !== undefined) return known;
  let sizeBytes = 0;
  for await (const chunk of await readLayer(blobs, layer, signal)) sizeBytes += (chunk as Buffer).length;
  if (measured.size >= MEASURED_MAX) measured.clear();
  measured.set(layer.digest, sizeBytes);
  return sizeBytes;
}

function compressionOf(mediaType: string): 'gzip' | 'zstd' | 'none' {
  if (/[.+]gzip$/.test(mediaType)) return 'gzip';
  if (mediaType.endsWith('+zstd')) return 'zstd';
  if (mediaType.endsWith('.tar')) return 'none';
  throw new TypeError(`layers of type ${mediaType} cannot be unpacked`);
}
