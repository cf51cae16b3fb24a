import { EngineOutOfSpace, EngineRequestFailed, EngineUnavailable, isSlipwayError } from '../model/errors.ts';

const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOENT',
  'EACCES',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ERR_STREAM_PREMATURE_CLOSE',
  'HPE_INVALID_EOF_STATE',
]);

export interface Operation {
  /** The engine's address, for the message. */
  readonly address: string;
  /** What was asked of it: `create container`. */
  readonly doing: string;
  readonly signal?: AbortSignal | undefined;
}

/** Makes one of Slipway's errors of what dockerode threw. An abort of ours gives the signal's own reason. */
export function asEngineError(error: unknown, { address, doing, signal }: Operation): unknown {
  if (signal?.aborted) return signal.reason;
  if (isSlipwayError(error)) return error;
  const detail = detailOf(error);
  const statusCode = statusCodeOf(error);
  if (isOutOfSpace(detail))
    return new EngineOutOfSpace(
      `The disk of the Docker Engine at ${address} is full: ${detail}. Free space there`,
      {
        cause: error,
      },
    );
  if (statusCode === undefined && CONNECTION_CODES.has(codeOf(error) ?? ''))
    return new EngineUnavailable(address, `${doing}: ${detail}`, { cause: error });
  return new EngineRequestFailed(doing, statusCode, detail, { cause: error });
}

/** Runs a request and throws what {@link asEngineError} makes of its failure. */
export async function inEngine<T>(operation: Operation, request: () => Promise<T>): Promise<T> {
  operation.signal?.throwIfAborted();
  try {
    return await request();
  } catch (error) {
    throw asEngineError(error, operation);
  }
}

/** The same, but one of these HTTP statuses gives undefined instead of an error. */
export async function unlessStatus<T>(
  statuses: readonly number[],
  request: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await request();
  } catch (error) {
    if (statuses.includes(statusCodeOf(error) ?? 0)) return undefined;
    throw error;
  }
}

/** A full disk of the engine, by its own words wherever they stand; undefined: something else, as a full disk of this process or a full store. */
export function findFullDisk(error: unknown): EngineOutOfSpace | undefined {
  const detail = detailOf(error);
  if (!isOutOfSpace(detail)) return undefined;
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (codeOf(cause) === 'ENOSPC' || (isSlipwayError(cause) && cause.type === 'StoreOutOfSpace'))
      return undefined;
  return new EngineOutOfSpace(`The disk of the Docker Engine is full: ${detail}. Free space there`, {
    cause: error,
  });
}

/** HTTP status of an error of dockerode, undefined when there was no answer. */
export function statusCodeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** The engine's own words, without what dockerode puts around them. */
export function detailOf(error: unknown): string {
  if (!(error instanceof Error) && !(typeof error === 'object' && error !== null && 'message' in error))
    return String(error);
  if ('json' in error && typeof error.json === 'object' && error.json !== null && 'message' in error.json)
    return String(error.json.message).trim();
  return String(error.message)
    .replace(/^\(HTTP code \d+\) .*? - /, '')
    .trim();
}

/** Engines have no code for a full disk, only the kernel's words. */
export function isOutOfSpace(message: string): boolean {
  return /no space left on device|disk quota exceeded/i.test(message);
}

/** Whether an engine has met trouble of its own, as with an image of which its disk has lost a layer; a full disk is another matter. */
export function isEngineFault(error: unknown): boolean {
  return statusCodeOf(error) === 500 && !isOutOfSpace(detailOf(error));
}

/** Nor for addresses that are all given to networks: older ones answer 404 then, newer ones 400. */
export function isOutOfNetworks(message: string): boolean {
  return /address pool/i.test(message);
}

/** Nor for a path whose parts are files. */
export function isNoDirectory(message: string): boolean {
  return /\bnot a directory\b/i.test(message);
}

/** Whether nothing was heard in time: of the engine, or of whom it has asked in its turn. */
export function isSilence(error: unknown): boolean {
  return statusCodeOf(error) === undefined && codeOf(error) === 'ETIMEDOUT';
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
