import type { PushReason } from './states.ts';

/** How a push ended. */
export interface PushVerdict {
  readonly reason: PushReason;
  /** For people. */
  readonly detail?: string;
  /** The newer push that took its place, when it was cancelled for that alone. */
  readonly supersededBy?: string;
}
