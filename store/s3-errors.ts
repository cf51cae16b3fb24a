import { DigestMismatch, StoreUnavailable, WriteConflict, isSlipwayError } from '../model/errors.ts';

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

const WRITES = new Set(['PutObject', 'CompleteMultipartUpload']);

/** A body that ended before its announced length. */
export class TruncatedBody extends Error {
  readonly code = 'ECONNRESET';
  constructor(gotBytes: number, expectedBytes: number) {
    super(`The body ended after ${gotBytes} of ${expectedBytes} bytes`);
  }
}

/** Whether repeating the same request may succeed: trouble of the server or of the connection, not a refusal. */
export function isTransient(error: unknown): boolean {
  if (isSlipwayError(error)) return false;
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

/** Whether the server said that these keys may not do that. Also of an error of the model, which has the answer as its cause. */
export function isRefused(error: unknown): boolean {
  const { name, statusCode } = factsOf(isSlipwayError(error) ? error.cause : error);
  return statusCode === 403 && !PASSING_NAMES.has(name);
}

export function isMissingUpload(error: unknown): boolean {
  return factsOf(error).name === 'NoSuchUpload';
}

export function isUnsatisfiableRange(error: unknown): boolean {
  return factsOf(error).statusCode === 416;
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
  },
): unknown {
  if (isSlipwayError(error)) return error;
  const { name, message, code, statusCode } = factsOf(error);
  // A conditional replacement of an object that is gone is answered as "no such key".
  const goneMeanwhile = WRITES.has(place.operation) && isMissing(error);
  if (statusCode === 412 || goneMeanwhile) return new WriteConflict(place.key);
  if (DIGEST_NAMES.has(name))
    return new DigestMismatch(place.key, place.sha256 ?? 'the announced digest', 'other bytes');
  const detail = [name, statusCode && `status ${statusCode}`, code, message].filter(Boolean).join(', ');
  return new StoreUnavailable(place.operation, place.bucket, place.key, detail, { cause: error });
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
