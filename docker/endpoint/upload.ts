import { createHash, randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import type { Readable } from 'node:stream';
import type { BlobStat, BlobStore } from '../../model/blob-store.ts';
import { DigestMismatch } from '../../model/errors.ts';
import type { Digest } from '../../model/pure/ids.ts';
import { CHUNK_BYTES, pump } from './pump.ts';
import { Refusal } from './refusal.ts';

/** A store that has closed a body takes back what it has of it, and then says why. */
const STORE_ENDS_MS = 15_000;

/**
 * One upload session. Bytes come by `append` and their digest last (classic engine), or all at once with digest and
 * size (modern engine); the second way keeps nothing in the session, so repeating it begins at byte 0 again.
 */
export class Upload {
  readonly id = randomUUID();
  receivedBytes = 0;
  readonly #blobs: BlobStore;
  readonly #onBytes: (count: number) => void;
  readonly #aborted = new AbortController();
  readonly #digest = deferred<Digest>();
  #sink: PassThrough | undefined;
  #stored: Promise<BlobStat> | undefined;
  #busy = false;

  constructor(blobs: BlobStore, onBytes: (count: number) => void) {
    this.#blobs = blobs;
    this.#onBytes = onBytes;
    // Nobody waits for the digest of an upload that was given up.
    this.#digest.promise.catch(() => undefined);
  }

  /** Adds bytes at the end. After a failure the session is of no use any more. */
  async append(body: Readable): Promise<void> {
    await this.#alone(async () => {
      const sink = this.#open();
      try {
        await pump(body, sink, (count) => {
          this.receivedBytes += count;
          this.#onBytes(count);
        });
      } catch (error) {
        // The store's own error tells more than "the sink was closed"; aborted first, it would be the abort.
        const failure = sink.destroyed ? await this.#failure(error) : error;
        this.abort(failure);
        throw failure;
      }
    });
  }

  /** Ends an appended upload. @throws {DigestMismatch} */
  async finish(digest: Digest): Promise<BlobStat> {
    return this.#alone(async () => {
      this.#open().end();
      this.#digest.resolve(digest);
      return await (this.#stored as Promise<BlobStat>);
    });
  }

  /** Stores a body that comes whole, with its digest. @throws {DigestMismatch} */
  async storeWhole(body: Readable, digest: Digest, sizeBytes: number | undefined): Promise<BlobStat> {
    return this.#alone(async () => {
      const broken = new AbortController();
      const signal = AbortSignal.any([broken.signal, this.#aborted.signal]);
      const sink = new PassThrough({ highWaterMark: CHUNK_BYTES });
      const stored = storeBody(this.#blobs, sink, { digest, sizeBytes, signal });
      stored.catch((error: unknown) => sink.destroy(error as Error));
      try {
        await pump(body, sink, this.#onBytes);
        sink.end();
      } catch (error) {
        // One that the store has closed is not aborted too, or its own error would be the abort.
        if (!sink.destroyed) {
          sink.destroy(error as Error);
          broken.abort(error);
        }
        await stored;
      }
      // From here on the client may go away: what came whole is kept.
      return await stored;
    });
  }

  /** Gives it up: nothing of it becomes visible. */
  abort(reason: unknown = new Error('the upload was given up')): void {
    this.#digest.reject(reason);
    this.#sink?.destroy(reason as Error);
    this.#aborted.abort(reason);
  }

  #open(): PassThrough {
    if (this.#sink) return this.#sink;
    const sink = new PassThrough({ highWaterMark: CHUNK_BYTES });
    this.#sink = sink;
    this.#stored = this.#blobs.writeUnknown(sink, {
      expected: () => this.#digest.promise,
      signal: this.#aborted.signal,
    });
    sink.on('error', () => undefined);
    this.#stored.catch((error: unknown) => sink.destroy(error as Error));
    return sink;
  }

  async #failure(fallback: unknown): Promise<unknown> {
    return await Promise.race([
      (this.#stored as Promise<BlobStat>).then(
        () => fallback,
        (error: unknown) => error,
      ),
      new Promise((resolve) => setTimeout(resolve, STORE_ENDS_MS, fallback).unref()),
    ]);
  }

  async #alone<T>(action: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new Refusal(409, 'BLOB_UPLOAD_INVALID', 'another request is using this upload');
    this.#busy = true;
    try {
      return await action();
    } finally {
      this.#busy = false;
    }
  }
}

async function storeBody(
  blobs: BlobStore,
  body: PassThrough,
  options: { digest: Digest; sizeBytes: number | undefined; signal: AbortSignal },
): Promise<BlobStat> {
  const { digest, sizeBytes, signal } = options;
  body.on('error', () => undefined);
  if (sizeBytes === undefined) return await blobs.writeUnknown(body, { expected: () => digest, signal });
  const outcome = await blobs.write(digest, sizeBytes, body, signal);
  // Whether it had these bytes cannot be seen any more. An engine sends it again at once, from its first byte; by then the store has it.
  if (outcome === 'raced') throw new Refusal(500, 'UNKNOWN', 'the same blob came from elsewhere meanwhile');
  // A store that has the blob need not read it. But whoever names it must have had it, not only heard of it.
  if (outcome === 'present') await expectDigest(body, digest);
  return { digest, sizeBytes };
}

async function expectDigest(body: PassThrough, digest: Digest): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk as Buffer);
  const got = `sha256:${hash.digest('hex')}`;
  if (got !== digest) throw new DigestMismatch('Blob', digest, got);
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] = () => undefined;
  let reject: Deferred<T>['reject'] = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
