import type { SlipwayError } from '../../model/errors.ts';
import { isSlipwayError } from '../../model/errors.ts';

/** Whether the store itself failed, after it was asked again and again: then the error is the store's and not the transfer's. */
export function isStoreTrouble(error: unknown): error is SlipwayError {
  return isSlipwayError(error) && (error.type === 'StoreUnavailable' || error.type === 'StoreOutOfSpace');
}
