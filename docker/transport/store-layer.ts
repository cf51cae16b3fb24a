import { createHash } from 'node:crypto';
import { PassThrough, Readable, pipeline } from 'node:stream';
import { createGunzip, createGzip, createZstdDecompress } from 'node:zlib';
import type { BlobStore } from '../../model/blob-store.ts';
import type { Digest } from '../../model/pure/ids.ts';
import { MEDIA_TYPES } from '../endpoint/manifest.ts';

export interface StoredLayer {
  readonly diffId: Digest;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly mediaType: string;
  /** 0 when the store had it. */
  readonly bytesWritten: number;
}

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const ZSTD_LAYER = `${MEDIA_TYPES.ociLayer}+zstd`;

/** Stores one layer of an image tar: plain ones compressed (every engine reads gzip), compressed ones as they are. */
export async function storeLayer(
  blobs: BlobStore,
  body: AsyncIterable<unknown>,
  { signal }: { readonly signal: AbortSignal },
): Promise<StoredLayer> {
  const chunks = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  const first = await chunks.next();
  const start = first.done ? Buffer.alloc(0) : first.value;
  const unpacked = createHash('sha256');
  const whole = Readable.from(again(start, chunks), { objectMode: false });
  const { stream, mediaType, hashed } = prepare(whole, start, unpacked);
  try {
    const stat = await blobs.writeUnknown(stream, { signal });
    await hashed;
    const { digest, sizeBytes, outcome } = stat;
    const diffId: Digest = `sha256:${unpacked.digest('hex')}`;
    return { diffId, digest, sizeBytes, mediaType, bytesWritten: outcome === 'written' ? sizeBytes : 0 };
  } catch (error) {
    throw whole.errored ?? error;
  } finally {
    whole.destroy();
  }
}

type Hash = ReturnType<typeof createHash>;

function prepare(
  whole: Readable,
  start: Buffer,
  unpacked: Hash,
): { stream: Readable; mediaType: string; hashed: Promise<void> } {
  const isGzip = startsWith(start, GZIP);
  if (!isGzip && !startsWith(start, ZSTD)) {
    const tapped = tap(whole, (chunk) => unpacked.update(chunk));
    const stream = pipeline(tapped, createGzip(), () => undefined);
    return { stream, mediaType: MEDIA_TYPES.ociLayerGzip, hashed: Promise.resolve() };
  }
  // What the layer unpacks to is hashed beside; the stored bytes stay those that came.
  const unpack = isGzip ? createGunzip() : createZstdDecompress();
  const hashed = hashAll(unpack, unpacked);
  hashed.catch(() => undefined);
  const stream = new PassThrough();
  pipeline(whole, stream, (error) => error && unpack.destroy(error));
  stream.pipe(unpack);
  unpack.on('error', (error) => stream.destroy(error));
  return { stream, mediaType: isGzip ? MEDIA_TYPES.ociLayerGzip : ZSTD_LAYER, hashed };
}

async function hashAll(stream: AsyncIterable<Buffer>, hash: Hash): Promise<void> {
  for await (const chunk of stream) hash.update(chunk);
}

function tap(stream: Readable, onChunk: (chunk: Buffer) => void): Readable {
  return Readable.from(
    (async function* () {
      for await (const chunk of stream) {
        onChunk(chunk as Buffer);
        yield chunk as Buffer;
      }
    })(),
    { objectMode: false },
  );
}

async function* again(start: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (start.length > 0) yield start;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

function startsWith(bytes: Buffer, magic: Buffer): boolean {
  return bytes.subarray(0, magic.length).equals(magic);
}
