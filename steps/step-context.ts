/** What every step is given by whoever carries it out: an activity on a worker, a verb on a laptop. */
export interface StepContext {
  /** Aborted when the step must stop. */
  readonly signal: AbortSignal;
  /** Whether the abort was wished for (a cancel) and not only the end of this worker: then containers are killed. */
  isCanceled(): boolean;
  /** Told of what happens, for people; also shows that the step is alive. */
  onProgress(progress: { readonly message: string; readonly bytes?: number }): void;
}
