import type { SlipwayError } from '../../model/errors.ts';

/** What whoever follows something waits for, in a line at the bottom. */
export function describeAway({ type }: SlipwayError): string {
  return `${type === 'TemporalUnavailable' ? 'Temporal' : 'the store'} does not answer, and is waited for`;
}
