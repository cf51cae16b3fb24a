/** What workflows and runners say to one another of who carries a run out. */

import type { RunInput } from './payloads.ts';
import type { TaskReason } from './states.ts';

/** A run that waits for a machine. */
export interface QueuedRun extends RunInput {
  /** Since when, where that was before it was asked for here. ISO time. */
  readonly asked?: string;
  /** Whether the answer may be that the task has its end: whoever asks so understands it. */
  readonly mayHaveEnded?: true;
}

/** There is nothing to claim: the task's record has its end already, which Temporal does not know of, restored from an earlier moment. */
export interface EndedTask {
  readonly ended: { readonly reason: TaskReason; readonly detail?: string };
}

export interface ReferableRun extends QueuedRun {
  /** Whether the answer may be that another engine has the image: whoever asks so understands it. */
  readonly mayRefer?: true;
}

/** The run was not claimed: the engine that this queue is of has its image, and is to be asked first. */
export interface ReferredRun {
  readonly heldBy: string;
  /** Since when the run waits; absent in histories from before it was told. */
  readonly asked?: string;
}

export interface ClaimedRun {
  readonly queue: string;
  readonly engineId: string;
  readonly worker: string;
  /** The engine of the worker that answered; another one than `engineId` when the run was claimed before. */
  readonly answeredBy: string;
}
