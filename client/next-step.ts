import { ERRORS } from '../model/error-catalog.ts';
import type { SlipwayError } from '../model/errors.ts';

/** What to do about an error, if its message leaves that out and who reads it can do something. */
export function nextStep({ type }: SlipwayError): string | undefined {
  return type === 'ProjectNotFound' ? ERRORS[type].next : undefined;
}
