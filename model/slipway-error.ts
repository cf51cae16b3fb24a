import type { ErrorType } from './error-catalog.ts';
import { ERRORS } from './error-catalog.ts';

const MARK = Symbol.for('slipway.error');

/** Base of all errors that Slipway throws on purpose. `type` is stable; the message is for people. */
export abstract class SlipwayError extends Error {
  abstract readonly type: ErrorType;
  readonly [MARK] = true;

  /** Whether the same step may succeed when repeated unchanged. A class may know better than its entry. */
  get retryable(): boolean {
    return ERRORS[this.type].retryable;
  }

  override get name(): string {
    return this.type;
  }
}

/** Whether a value is a {@link SlipwayError}. By symbol, since `instanceof` fails across the realms of jest and the workflow sandbox. */
export function isSlipwayError(value: unknown): value is SlipwayError {
  return typeof value === 'object' && value !== null && MARK in value;
}
