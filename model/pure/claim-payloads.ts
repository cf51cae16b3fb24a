/** What workflows and runners say to one another of who carries a run out. */

import type { RunInput } from './payloads.ts';

export interface ReferableRun extends RunInput {
  /** Whether the answer may be that another engine has the image: whoever asks so understands it. */
  readonly mayRefer?: true;
}

/** The run was not claimed: the engine that this queue is of has its image, and is to be asked first. */
export interface ReferredRun {
  readonly heldBy: string;
}

export interface ClaimedRun {
  readonly queue: string;
  readonly engineId: string;
  readonly worker: string;
  /** The engine of the worker that answered; another one than `engineId` when the run was claimed before. */
  readonly answeredBy: string;
}
