import { isSlipwayError } from '../model/errors.ts';
import { cutDetail } from '../model/pure/cut-text.ts';
import type { StepContext } from './step-context.ts';

/**
 * Why a base is not to be had, where that is the end of it: its registry or the engine has said no, or trouble that might have passed
 * was met in as many attempts as are worth it. Undefined: what failed is to be thrown, so that the step is repeated.
 */
export function reasonOfNoBase(
  error: unknown,
  { signal, attempts }: Pick<StepContext, 'signal' | 'attempts'>,
  worthIt = Infinity,
): string | undefined {
  if (signal.aborted || !isSlipwayError(error)) return undefined;
  if (error.type !== 'ImageUnavailable' && error.type !== 'EngineRequestFailed') return undefined;
  const isLast = !attempts || attempts.made >= Math.min(worthIt, attempts.enough);
  return error.retryable && !isLast ? undefined : cutDetail(error.message);
}
