import type { Readable } from 'node:stream';
import type { Digest } from './pure/ids.ts';

export interface BlobStat {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface ReadOptions {
  /** First byte wanted; the rest of the blob follows. Default 0. */
  readonly start?: number;
  readonly signal?: AbortSignal;
}

/** A layer by what it unpacks to, and a blob that does. */
export interface LayerBlob {
  readonly diffId: Digest;
  readonly digest: Digest;
}

/**
 * Immutable bytes under their OCI digest. The store room implements it over S3 and in memory; the docker room's
 * image endpoint is written against it, and a step hands the one to the other.
 */
export interface BlobStore {
  /** Size of a blob, or undefined when the store lacks it. Never answers from a memory of absence. */
  stat(digest: Digest, signal?: AbortSignal): Promise<BlobStat | undefined>;
  /**
   * Like `stat`, for whoever is going to name the blob in something new without sending it: a blob that is there stays for
   * hours, whatever the collector finds.
   */
  claim(digest: Digest, signal?: AbortSignal): Promise<BlobStat | undefined>;
  /** Streams a blob; trouble of the store on the way is retried and the body continued at the byte where it broke. @throws {BlobNotFound} */
  read(digest: Digest, options?: ReadOptions): Promise<Readable>;
  /**
   * Writes bytes whose digest and size are known; what is there then is claimed. Safe to repeat and to race. `present`: it was there, and
   * the body was not touched. `raced`, of a stream only: somebody else has written it meanwhile; the body is spent, and nobody has seen
   * whether it had this digest. @throws {DigestMismatch} when the bytes differ; nothing is visible then.
   */
  write(
    digest: Digest,
    sizeBytes: number,
    body: Readable | Buffer,
    signal?: AbortSignal,
  ): Promise<'written' | 'present' | 'raced'>;
  /** Writes bytes whose digest is known only at their end, with flat memory. @throws {DigestMismatch} if `expected` resolves to another digest. */
  writeUnknown(
    body: Readable,
    options?: { readonly expected?: () => Promise<Digest> | Digest; readonly signal?: AbortSignal },
  ): Promise<BlobStat & { readonly outcome: 'written' | 'present' }>;
}
