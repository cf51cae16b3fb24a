import type { Readable } from 'node:stream';

export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly lastModified: Date;
  /** Absent in listings. */
  readonly contentType?: string;
  /** Digest of the whole object as the store itself verified it (lower case hex); absent in listings and where it keeps none, as for multipart. */
  readonly sha256?: string;
  /** User metadata, keys in lower case. Absent in listings. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface PutOptions {
  /** `absent`: only when no such object exists. An etag: only when the object still has it. Default: always. */
  readonly onlyIf?: 'absent' | { readonly etag: string };
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Lower case hex; the store itself verifies the bytes against it. */
  readonly sha256?: string;
  readonly signal?: AbortSignal;
}

export interface CopyOptions {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * The few verbs of S3 that Slipway uses, implemented over S3 and in memory; both pass one contract suite.
 * Objects appear whole or not at all; reads after writes see them. Trouble is retried inside within bounds,
 * then thrown as `StoreUnavailable`.
 */
export interface ObjectStore {
  readonly bucket: string;
  head(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined>;
  /** A small object with its info, or undefined. */
  get(
    key: string,
    signal?: AbortSignal,
  ): Promise<{ readonly info: ObjectInfo; readonly body: Buffer } | undefined>;
  /** Streams an object from byte `start`, continuing by range where the body broke; undefined when there is none. */
  stream(
    key: string,
    options?: { readonly start?: number; readonly signal?: AbortSignal },
  ): Promise<Readable | undefined>;
  /** Puts a small object. @throws {WriteConflict} when `onlyIf` does not hold. @throws {DigestMismatch} when `sha256` differs. */
  put(key: string, body: Buffer, options?: PutOptions): Promise<{ readonly etag: string }>;
  /** Puts a stream of known or unknown size with flat memory (multipart when large). Nothing appears when it breaks. */
  putStream(
    key: string,
    body: Readable,
    options?: PutOptions & { readonly sizeBytes?: number },
  ): Promise<{ readonly etag: string; readonly sizeBytes: number; readonly sha256: string }>;
  /** Copies inside the store, whatever the size. Metadata and content type go along unless either is given, which replaces both. */
  copy(from: string, to: string, options?: CopyOptions): Promise<void>;
  /** Safe to repeat. */
  delete(keys: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Deletes an object only if it still has that etag; gives whether it was so. A server that keeps no such condition deletes it anyway. */
  deleteIf(key: string, etag: string, signal?: AbortSignal): Promise<boolean>;
  /** Takes multipart uploads back that were begun before a moment and never completed, or counts them; gives how many. What is not of the store's layout stays, and what our key may not. */
  abortUploads(
    begunBefore: Date,
    signal?: AbortSignal,
    options?: { readonly onlyCount?: boolean },
  ): Promise<number>;
  /** Objects whose key begins with a prefix, in order of their keys, page by page. */
  list(
    prefix: string,
    options?: { readonly startAfter?: string; readonly signal?: AbortSignal },
  ): AsyncIterable<ObjectInfo>;
}
