import { InternalError } from '../model/errors.ts';
import type { Course } from '../store/collect/expire-tasks.ts';

/** What every step is given by whoever carries it out: an activity on a worker, a verb on a laptop. */
export interface StepContext {
  /** Aborted when the step must stop. */
  readonly signal: AbortSignal;
  /** Whether the abort was wished for (a cancel) and not only the end of this worker: then containers are killed. */
  isCanceled(): boolean;
  /**
   * Whether another attempt may have taken over, because nothing was heard of this one for too long. Then nothing more
   * may be done in its name: asked before each write that others can see. A step that is carried out once never is.
   */
  isGivenUp?(): boolean;
  /** Which attempt this is, and how many count as enough; absent where nobody repeats the step. */
  readonly attempts?: { readonly made: number; readonly enough: number } | undefined;
  /** Of an attempt that follows one which has used all the time that it had: that, and how many have by now. */
  readonly overran?: { readonly times: number; readonly limitMs: number } | undefined;
  /** What an earlier attempt of the same step told last. */
  readonly toldBefore?: string | undefined;
  /** How far earlier attempts have come with what is long; absent where nobody repeats the step. */
  readonly course?: Course | undefined;
  /** Told of what happens, for people; also shows that the step is alive. */
  onProgress(progress: { readonly message: string; readonly bytes?: number }): void;
}

/**
 * Asked before a write that others can see, right before it and again when the write found something changed.
 * @throws {InternalError} when another attempt may have taken over: whoever carries the step out knows, and repeats nothing.
 */
export function expectNotGivenUp({ isGivenUp }: Pick<StepContext, 'isGivenUp'>): void {
  if (isGivenUp?.() === true) throw new InternalError('Another attempt may have taken over');
}
