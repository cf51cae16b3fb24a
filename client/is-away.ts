import type { SlipwayError } from '../model/errors.ts';
import { isSlipwayError } from '../model/errors.ts';
import { isTransient } from '../store/s3-errors.ts';

/** Whether Temporal or the store did not answer: who follows something waits for it. A refusal is an answer. */
export function isAway(error: unknown): error is SlipwayError {
  if (!isSlipwayError(error)) return false;
  return (
    error.type === 'TemporalUnavailable' || (error.type === 'StoreUnavailable' && isTransient(error.cause))
  );
}
