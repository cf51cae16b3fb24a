import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { BlobStore } from '../../model/blob-store.ts';
import type { Digest } from '../../model/pure/ids.ts';
import { MEDIA_TYPES } from '../endpoint/manifest.ts';
import type { Compression, Unpacker } from './compression.ts';
import { asDamage, compressionOf, createUnpacker, hasRest, MAGIC_BYTES } from './compression.ts';
import { compressInParallel } from './compress-in-parallel.ts';
import type { KnownLayer } from './known-layers.ts';
import { LayerNotKnown, mediaTypeOf } from './known-layers.ts';
import { noteFailure } from './note-failure.ts';
import { peek } from './peek.ts';
import { TarBeginning } from './tar-beginning.ts';
import type { UnpackBudget } from './unpack-budget.ts';

export interface StoredLayer {
  readonly diffId: Digest;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly mediaType: string;
  /** 0 when the store had it. */
  readonly bytesWritten: number;
  /** What it was in the tar that it came in. */
  readonly source: { readonly digest: Digest; readonly sizeBytes: number };
}

export interface StoreLayerOptions {
  /** Where it lies in the tar: what is wrong with it is said of that. */
  readonly path: string;
  readonly signal: AbortSignal;
  readonly budget: UnpackBudget;
  /**
   * The layer that these bytes are said to be, which the store has: they are hashed and not stored again. Gives none when they
   * are not one of them.
   */
  readonly known?: ((diffId: Digest) => KnownLayer | undefined) | undefined;
  /** A blob of exactly these bytes is in the store. */
  readonly present?: Digest | undefined;
}

/**
 * Stores one layer of an image tar: plain ones compressed (every engine reads gzip), compressed ones as they are, if others read them too.
 * @throws {TypeError} when it is no layer. @throws {LayerNotKnown} when it is not the one that it was taken for.
 */
export async function storeLayer(
  blobs: BlobStore,
  body: AsyncIterable<unknown>,
  options: StoreLayerOptions,
): Promise<StoredLayer> {
  let failure: Error | undefined;
  const noted = noteFailure(body, (error) => (failure = error));
  const { start, whole: chunks } = await peek(noted, MAGIC_BYTES);
  const compression = compressionOf(start);
  const source = new Tally();
  const whole = Readable.from(source.count(chunks), { objectMode: false });
  const unpacked = new Unpacked(`layer ${options.path}`, options.budget);
  try {
    const stored =
      compression === 'none'
        ? await storePlain(blobs, whole, unpacked, options)
        : await storeCompressed(blobs, whole, { ...options, unpacked, source, compression });
    return { ...stored, source: source.result };
  } catch (error) {
    throw failure ?? unpacked.refusal ?? error;
  } finally {
    whole.destroy();
  }
}

type Stored = Omit<StoredLayer, 'source'>;

async function storePlain(
  blobs: BlobStore,
  whole: Readable,
  unpacked: Unpacked,
  { path, signal, known }: StoreLayerOptions,
): Promise<Stored> {
  if (known) {
    for await (const chunk of whole) unpacked.update(chunk as Buffer);
    const { diffId } = unpacked.end();
    const layer = known(diffId);
    if (!layer) throw new LayerNotKnown(diffId, path);
    const { digest, sizeBytes, mediaType } = layer;
    return { diffId, digest, sizeBytes, mediaType, bytesWritten: 0 };
  }
  const gzipped = Readable.from(compressInParallel(unpacked.tap(whole), 'gzip'), { objectMode: false });
  const { digest, sizeBytes, outcome } = await blobs.writeUnknown(gzipped, { signal });
  const { diffId } = unpacked.end();
  const bytesWritten = outcome === 'written' ? sizeBytes : 0;
  return { diffId, digest, sizeBytes, mediaType: MEDIA_TYPES.ociLayerGzip, bytesWritten };
}

/** What the layer unpacks to is hashed beside; the stored bytes stay those that came. */
async function storeCompressed(
  blobs: BlobStore,
  whole: Readable,
  options: StoreLayerOptions & {
    readonly unpacked: Unpacked;
    readonly source: Tally;
    readonly compression: Exclude<Compression, 'none'>;
  },
): Promise<Stored> {
  const { signal, unpacked, compression, present, source } = options;
  const mediaType = mediaTypeOf(compression);
  const { passed, hashed } = unpackBeside(whole, createUnpacker(compression), unpacked);
  if (present) {
    for await (const chunk of passed) void chunk;
    await hashed;
    const { digest, sizeBytes } = source.result;
    if (digest !== present) throw new TypeError(`a layer that is called ${present} is ${digest}`);
    return { diffId: unpacked.end().diffId, digest, sizeBytes, mediaType, bytesWritten: 0 };
  }
  const body = Readable.from(passed, { objectMode: false });
  const { digest, sizeBytes, outcome } = await blobs.writeUnknown(body, { signal });
  await hashed;
  const bytesWritten = outcome === 'written' ? sizeBytes : 0;
  return { diffId: unpacked.end().diffId, digest, sizeBytes, mediaType, bytesWritten };
}

/** Lets compressed bytes pass while they are unpacked and looked at; what is wrong inside ends the passing too. */
function unpackBeside(
  whole: Readable,
  unpacker: Unpacker,
  unpacked: Unpacked,
): { readonly passed: AsyncGenerator<Buffer>; readonly hashed: Promise<void> } {
  let failure: Error | undefined;
  const hashed = unpacked.all(unpacker);
  hashed.catch((error: Error) => (failure = error));
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        unpacker.removeListener('drain', done);
        unpacker.removeListener('close', done);
        resolve();
      };
      unpacker.once('drain', done);
      unpacker.once('close', done);
    });
  async function* pass(): AsyncGenerator<Buffer> {
    try {
      let bytes = 0;
      for await (const chunk of whole as AsyncIterable<Buffer>) {
        if (failure) throw failure;
        bytes += chunk.length;
        if (!unpacker.write(chunk) && !unpacker.closed) await drained();
        yield chunk;
      }
      unpacker.end();
      await hashed;
      if (hasRest(unpacker, bytes)) throw unpacked.refuse('goes on behind its end, which engines refuse');
    } finally {
      unpacker.destroy();
    }
  }
  return { passed: pass(), hashed };
}

/** Hash and length of what passes. */
class Tally {
  readonly #hash: Hash = createHash('sha256');
  #sizeBytes = 0;
  #result: { readonly digest: Digest; readonly sizeBytes: number } | undefined;

  async *count(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of body) {
      this.#hash.update(chunk);
      this.#sizeBytes += chunk.length;
      yield chunk;
    }
  }

  get result(): { readonly digest: Digest; readonly sizeBytes: number } {
    this.#result ??= { digest: `sha256:${this.#hash.digest('hex')}`, sizeBytes: this.#sizeBytes };
    return this.#result;
  }
}

/** The plain tar that a layer is: hashed, held to the budget, and seen to begin like one. */
class Unpacked {
  readonly #hash: Hash = createHash('sha256');
  readonly #beginning: TarBeginning;
  readonly #budget: UnpackBudget;
  readonly #shown: string;

  constructor(shown: string, budget: UnpackBudget) {
    this.#shown = shown;
    this.#beginning = new TarBeginning(shown);
    this.#budget = budget;
  }

  /** Why it is no layer: what other streams say when they are given up for it is not. */
  refusal: Error | undefined;

  refuse(why: string): Error {
    return (this.refusal ??= new TypeError(`${this.#shown} ${why}`));
  }

  update(chunk: Buffer): void {
    try {
      this.#budget.unpacked(chunk.length);
      this.#beginning.update(chunk);
    } catch (error) {
      this.refusal = error as Error;
      throw error;
    }
    this.#hash.update(chunk);
  }

  async *tap(body: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      this.update(chunk);
      yield chunk;
    }
  }

  async all(body: AsyncIterable<unknown>): Promise<void> {
    const noted = noteFailure(body, (error) => (this.refusal ??= asDamage(this.#shown, error)));
    for await (const chunk of noted) this.update(chunk);
  }

  end(): { readonly diffId: Digest } {
    this.#beginning.end();
    return { diffId: `sha256:${this.#hash.digest('hex')}` };
  }
}
