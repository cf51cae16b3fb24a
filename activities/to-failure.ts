import { isNativeError } from 'node:util/types';
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import { isSlipwayError } from '../model/errors.ts';
import { cutDetail, cutText } from '../model/pure/cut-text.ts';

/** Errors of a part that is away, or whose networks are all in use: however often it was missed, the step goes on when it is back. */
const AWAY: readonly string[] = ['EngineUnavailable', 'StoreUnavailable', 'EngineOutOfNetworks'];

const STACK_MAX_LENGTH = 8_000;

/**
 * Our errors as Temporal's: the type is what workflows look at, retryable or not as the error says, and when, where it says that; the
 * digest of what is damaged goes along. Cancellations and failures that are Temporal's already pass through. When it `isEnough`, an error is
 * final unless it is of a part that is away. Of long texts only the beginnings go along.
 */
export function toFailure(error: unknown, { isEnough = false } = {}): unknown {
  if (isSlipwayError(error))
    return ApplicationFailure.create({
      message: cutDetail(error.message),
      type: error.type,
      nonRetryable: !error.retryable || (isEnough && !AWAY.includes(error.type)),
      cause: inShort(error),
      ...('digest' in error ? { details: [error.digest] } : {}),
      ...('retryAfterMs' in error && typeof error.retryAfterMs === 'number'
        ? { nextRetryDelay: error.retryAfterMs }
        : {}),
    });
  if (error instanceof TemporalFailure) return error;
  const failure = ApplicationFailure.fromError(error, { nonRetryable: isEnough });
  const { message, stack, cause } = inShort(failure);
  return Object.assign(failure, { message, stack, cause });
}

/** An error and what it comes of, each with the beginnings of its texts. */
function inShort({ name, message, stack = '', cause }: Error): Error {
  const short = cutDetail(message);
  const of = isNativeError(cause) ? { cause: inShort(cause) } : {};
  const frames = stack.replace(message, () => short);
  return Object.assign(new Error(short, of), { name, stack: cutText(frames, STACK_MAX_LENGTH) });
}
