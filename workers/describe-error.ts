import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import { isSlipwayError } from '../model/errors.ts';

/** An error as it stands in a log. */
export interface DescribedError {
  readonly type: string;
  readonly message: string;
  /** Where it was thrown: only of what nobody expects. */
  readonly stack?: string;
  /** Messages of its causes, outermost first, without repeats. */
  readonly causes?: readonly string[];
}

/** What an operator needs of an error. A stack trace is for Slipway's developers, so what Slipway knows comes without. */
export function describeError(error: unknown): DescribedError {
  if (!(error instanceof Error) && !isSlipwayError(error))
    return { type: typeof error, message: String(error) };
  const causes = causesOf(error).filter((cause) => !error.message.includes(cause));
  return {
    type: error instanceof ApplicationFailure ? (error.type ?? error.name) : error.name,
    message: error.message,
    ...(causes.length > 0 ? { causes } : {}),
    ...(isExpected(error) || error.stack === undefined ? {} : { stack: error.stack }),
  };
}

/** Trouble of the outer world: ours, Temporal's own, and of connections. */
function isExpected(error: unknown): boolean {
  if (isSlipwayError(error) || error instanceof TemporalFailure) return true;
  return typeof error === 'object' && error !== null && 'code' in error;
}

function causesOf(error: Error): string[] {
  const messages: string[] = [];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    if (!messages.includes(cause.message)) messages.push(cause.message);
  return messages;
}
