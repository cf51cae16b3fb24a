import { ApplicationFailure } from '@temporalio/common';
import { isSlipwayError } from '../model/errors.ts';

/**
 * Our errors as Temporal's: the type is what workflows look at, retryable or not as the error says; the digest of what is
 * damaged goes along. Cancellations and
 * failures that are Temporal's already pass through.
 */
export function toFailure(error: unknown): unknown {
  if (!isSlipwayError(error)) return error;
  return ApplicationFailure.create({
    message: error.message,
    type: error.type,
    nonRetryable: !error.retryable,
    cause: error,
    ...('digest' in error ? { details: [error.digest] } : {}),
  });
}
