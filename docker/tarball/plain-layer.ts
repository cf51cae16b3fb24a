import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import type { BlobStore } from '../../model/blob-store.ts';
import { DigestMismatch } from '../../model/errors.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { Descriptor } from '../endpoint/manifest.ts';
import type { OnProgress } from '../engine.ts';
import { compressionOf, createUnpacker } from '../transport/compression.ts';
import { peek } from '../transport/peek.ts';
import { shortDigest, tellBytes } from '../transport/tell-bytes.ts';
import { Spool } from './spool.ts';

/** A stored layer as the plain tar that it is inside. */
export interface PlainLayer {
  readonly sizeBytes: number;
  /** Fails with {DigestMismatch} when it is another layer, or of another size. */
  readonly body: AsyncIterable<Buffer>;
}

export interface LayerToUnpack {
  readonly diffId: Digest;
  /** The blob. Its compression is seen by its first bytes: a classic engine calls every layer compressed, also one that a containerd store has published plain. */
  readonly layer: Descriptor;
}

export interface UnpackOptions {
  readonly signal: AbortSignal;
  /** Told of what is fetched of the store before the layer passes, and of the layer as it passes. */
  readonly onProgress?: OnProgress | undefined;
  /** On whose disk a layer is kept while it is measured. */
  readonly directory: string;
}

/** The first header of a tar; a compressed one tells itself by less. */
const HEADER_BYTES = 512;

/** Sizes of layers that have passed as what they are, by the digest of the blob: the same blob always unpacks to the same bytes. */
const seen = new Map<Digest, number>();
const SEEN_MAX = 10_000;

/**
 * Unpacks a stored layer for `pass`. The header of a tar's entry needs the size before the first byte, and no compressed form
 * tells it for certain (gzip keeps it modulo 4 GiB, and of the last member only): a layer whose size has not been seen is
 * measured as it comes and kept on the disk meanwhile, so that it is read of the store once; twice where the disk does not take it.
 * @throws {TypeError} when its compression is not known. @throws {BlobNotFound} {DigestMismatch}
 */
export async function passPlainLayer(
  blobs: BlobStore,
  { diffId, layer }: LayerToUnpack,
  { signal, onProgress, directory }: UnpackOptions,
  pass: (plain: PlainLayer) => Promise<void>,
): Promise<void> {
  const { digest, mediaType, size } = layer;
  if (!/[.+](gzip|zstd|tar)$/.test(mediaType))
    throw new TypeError(`layers of type ${mediaType} cannot be unpacked`);
  const shown = shortDigest(diffId);
  const passAs = async (stored: AsyncIterable<Buffer>, sizeBytes: number): Promise<void> => {
    const plain = checked(await unpack(stored, layer), { diffId, sizeBytes });
    const told = { layer: shown, totalBytes: sizeBytes, doing: 'sending' as const };
    await pass({ sizeBytes, body: tellBytes(plain, told, onProgress) });
    if (seen.size >= SEEN_MAX) seen.clear();
    seen.set(digest, sizeBytes);
  };

  const known = mediaType.endsWith('.tar') ? size : seen.get(digest);
  if (known !== undefined) return passAs(await blobs.read(digest, { signal }), known);
  await using spool = await Spool.open(directory);
  const told = { layer: shown, totalBytes: size, doing: 'fetching' as const };
  const coming = tellBytes(await blobs.read(digest, { signal }), told, onProgress);
  let sizeBytes = 0;
  for await (const chunk of await unpack(spool.keep(coming), layer)) sizeBytes += (chunk as Buffer).length;
  await passAs(spool.read() ?? (await blobs.read(digest, { signal })), sizeBytes);
}

async function unpack(
  stored: AsyncIterable<Buffer>,
  { digest, mediaType }: Pick<Descriptor, 'digest' | 'mediaType'>,
): Promise<Readable> {
  const { start, whole } = await peek(stored, HEADER_BYTES);
  const compression = compressionOf(start);
  if (compression === 'none' && !mediaType.endsWith('.tar') && start.toString('latin1', 257, 262) !== 'ustar')
    throw new TypeError(`incorrect header of ${digest}: it is neither compressed nor a tar`);
  const body = Readable.from(whole, { objectMode: false });
  // Errors of either come out of the end that is read, and giving that up ends the other.
  return compression === 'none' ? body : pipeline(body, createUnpacker(compression), () => undefined);
}

async function* checked(
  body: Readable,
  { diffId, sizeBytes }: { readonly diffId: Digest; readonly sizeBytes: number },
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    if (bytes > sizeBytes) break;
    yield chunk;
  }
  const got =
    bytes === sizeBytes
      ? `sha256:${hash.digest('hex')}`
      : `${bytes > sizeBytes ? 'at least ' : ''}${bytes} bytes instead of ${sizeBytes}`;
  if (got !== diffId) throw new DigestMismatch('Unpacked layer', diffId, got);
}
