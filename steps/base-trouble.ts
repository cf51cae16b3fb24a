import { isSlipwayError } from '../model/errors.ts';
import { cutDetail } from '../model/pure/cut-text.ts';
import type { StepContext } from './step-context.ts';

/** That a base is not to be had, and why. */
export class NoBase {
  readonly unavailable: string;

  constructor(unavailable: string) {
    this.unavailable = unavailable;
  }
}

/**
 * What the registry of a base answers to an engine, or that this base is not to be had: the registry or the engine has said no, or
 * trouble that might have passed was met in as many attempts as are worth it. What fails otherwise is thrown, so that the step is
 * repeated. For nothing but questions to a registry: what an engine fails in else says nothing of the base.
 */
export async function askRegistry<T>(
  ask: () => Promise<T>,
  { signal, attempts }: Pick<StepContext, 'signal' | 'attempts'>,
  worthIt = Infinity,
): Promise<T | NoBase> {
  try {
    return await ask();
  } catch (error) {
    if (signal.aborted || !isSlipwayError(error)) throw error;
    if (error.type !== 'ImageUnavailable' && error.type !== 'EngineRequestFailed') throw error;
    const isLast = !attempts || attempts.made >= Math.min(worthIt, attempts.enough);
    if (error.retryable && !isLast) throw error;
    return new NoBase(cutDetail(error.message));
  }
}
