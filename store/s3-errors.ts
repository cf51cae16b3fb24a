import {
  DigestMismatch,
  StoreOutOfSpace,
  StoreUnavailable,
  WriteConflict,
  isSlipwayError,
} from '../model/errors.ts';

/** What the SDK, Node's sockets and we ourselves put on an error. */
interface ErrorFacts {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly statusCode: number | undefined;
}

/** Codes of a connection that could not be had or was lost. */
const CONNECTION_CODES = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** Refusals below 500 that pass by themselves. */
const PASSING_NAMES = new Set([
  'TimeoutError',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'SlowDown',
  'OperationAborted',
  // Two conditional writes at the same moment: one must look again.
  'ConditionalRequestConflict',
]);

/** Names under which servers refuse bytes that differ from their announced digest. */
const DIGEST_NAMES = new Set([
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'InvalidDigest',
  'XAmzContentChecksumMismatch',
]);

/** Names under which servers say that their disk or quota is full. */
const FULL_NAMES = new Set(['InsufficientStorage', 'XMinioStorageFull', 'QuotaExceeded', 'StorageFull']);

const CONDITIONAL = new Set(['PutObject', 'CompleteMultipartUpload', 'DeleteObject']);

/** A body that ended before its announced length. */
export class TruncatedBody extends Error {
  readonly code = 'ECONNRESET';
  constructor(gotBytes: number, expectedBytes: number) {
    super(`The body ended after ${gotBytes} of ${expectedBytes} bytes`);
  }
}

/**
 * Whether the server has no space left. Not worth waiting for inside an operation: somebody has to make some. Servers without
 * a code of their own hand the kernel's words on with a status 500.
 */
function isStoreFull(error: unknown): boolean {
  if (isSlipwayError(error)) return error.type === 'StoreOutOfSpace';
  const { name, message, statusCode = 0 } = factsOf(error);
  if (statusCode === 507 || FULL_NAMES.has(name)) return true;
  return statusCode >= 500 && /no space left on device|disk quota exceeded/i.test(message);
}

/** Whether the trouble is the server's or the connection's, and not a refusal: what makes an outage. */
export function isPassingTrouble(error: unknown): boolean {
  return isTransient(error) || isStoreFull(error);
}

/** Whether we gave the request up ourselves. */
export function isAbort(error: unknown): boolean {
  return factsOf(error).name === 'AbortError';
}

/** Whether the SDK found a body other than the checksum that the server keeps for it. It has no code for that, only words. */
function isWrongBody(error: unknown): boolean {
  return factsOf(error).message.startsWith('Checksum mismatch');
}

/** The trouble in a few words, for people. */
export function reasonOf(error: unknown): string {
  if (isStoreFull(error)) return 'it is full';
  const { name, message, code, statusCode } = factsOf(error);
  if (statusCode !== undefined) return `it answered ${statusCode}`;
  return code ?? (message || name);
}

/** Whether repeating the same request may succeed: trouble of the server or of the connection, not a refusal. */
export function isTransient(error: unknown): boolean {
  if (isSlipwayError(error) || isStoreFull(error)) return false;
  const { name, code, statusCode } = factsOf(error);
  if (code !== undefined && (CONNECTION_CODES.has(code) || code.startsWith('HPE_'))) return true;
  if (PASSING_NAMES.has(name)) return true;
  if (statusCode === undefined) return false;
  return (statusCode >= 500 && statusCode !== 501) || statusCode === 429 || statusCode === 408;
}

/** Whether the answer was that there is no such object. */
export function isMissing(error: unknown): boolean {
  const { name, statusCode } = factsOf(error);
  return statusCode === 404 && name !== 'NoSuchBucket' && name !== 'NoSuchUpload';
}

/** What a server says to keys that it does not let do something. */
export interface Refusal {
  /** S3's word for it. */
  readonly code: string;
  readonly message: string;
  /** Whether it knows the keys, and they may not do that; else it does not take them for anybody's. */
  readonly isKnown: boolean;
}

/** Whether the server said that these keys may not do that. Also of an error of the model, which has the answer as its cause. */
export function isRefused(error: unknown): boolean {
  return refusalIn(error) !== undefined;
}

/** The same, in the server's words. */
export function refusalIn(error: unknown): Refusal | undefined {
  const { name, message, statusCode } = factsOf(isSlipwayError(error) ? error.cause : error);
  if (statusCode !== 403 || PASSING_NAMES.has(name)) return undefined;
  return { code: name, message, isKnown: name === 'AccessDenied' };
}

export function isMissingUpload(error: unknown): boolean {
  return factsOf(error).name === 'NoSuchUpload';
}

export function isUnsatisfiableRange(error: unknown): boolean {
  return factsOf(error).statusCode === 416;
}

export function isMissingBucket(error: unknown): boolean {
  return factsOf(error).statusCode === 404;
}

export function isBucketOurs(error: unknown): boolean {
  return factsOf(error).name === 'BucketAlreadyOwnedByYou';
}

/** The error of the model for a failed request. */
export function toStoreError(
  error: unknown,
  place: {
    readonly operation: string;
    readonly bucket: string;
    readonly key: string;
    readonly sha256?: string;
    /** How long the operation was tried. */
    readonly waitedMs?: number;
  },
): unknown {
  if (isSlipwayError(error)) return error;
  const { name, message, code, statusCode } = factsOf(error);
  // A conditional replacement or deletion of an object that is gone is answered as "no such key".
  const goneMeanwhile = CONDITIONAL.has(place.operation) && isMissing(error);
  if (statusCode === 412 || goneMeanwhile) return new WriteConflict(place.key);
  if (DIGEST_NAMES.has(name))
    return new DigestMismatch(place.key, place.sha256 ?? 'the announced digest', 'other bytes');
  if (isWrongBody(error))
    return new DigestMismatch(`Object ${place.key}`, 'the bytes of its checksum', 'other bytes');
  const detail =
    name === 'TimeoutError'
      ? describeSilence(place.waitedMs)
      : [name, statusCode && `status ${statusCode}`, code, message].filter(Boolean).join(', ');
  const failure = isStoreFull(error) ? StoreOutOfSpace : StoreUnavailable;
  return new failure(place.operation, place.bucket, place.key, detail, { cause: error });
}

/** What the SDK says of a timeout is about its own settings. */
function describeSilence(waitedMs: number | undefined): string {
  return waitedMs === undefined ? 'no answer in time' : `no answer within ${Math.ceil(waitedMs / 1000)} s`;
}

function factsOf(error: unknown): ErrorFacts {
  const facts = (typeof error === 'object' && error !== null ? error : {}) as {
    name?: string;
    message?: string;
    code?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  return {
    name: facts.name ?? 'Error',
    message: facts.message ?? String(error),
    code: typeof facts.code === 'string' ? facts.code : undefined,
    statusCode: facts.$metadata?.httpStatusCode,
  };
}
