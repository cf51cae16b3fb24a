import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import { isSlipwayError } from '../model/errors.ts';

/** Errors of a part that is away: however often it was missed, the step goes on when it is back. */
const AWAY: readonly string[] = ['EngineUnavailable', 'StoreUnavailable'];

/**
 * Our errors as Temporal's: the type is what workflows look at, retryable or not as the error says; the digest of what is
 * damaged goes along. Cancellations and failures that are Temporal's already pass through. When it `isEnough`, an error is
 * final unless it is of a part that is away.
 */
export function toFailure(error: unknown, { isEnough = false } = {}): unknown {
  if (isSlipwayError(error))
    return ApplicationFailure.create({
      message: error.message,
      type: error.type,
      nonRetryable: !error.retryable || (isEnough && !AWAY.includes(error.type)),
      cause: error,
      ...('digest' in error ? { details: [error.digest] } : {}),
    });
  if (isEnough && !(error instanceof TemporalFailure))
    return ApplicationFailure.fromError(error, { nonRetryable: true });
  return error;
}
