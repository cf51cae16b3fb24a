import type { Level } from './ids.ts';

export interface SettleInput {
  readonly level: Level;
}

/** What a look found ended without a word, and settled. */
export interface Settled {
  readonly pushes: readonly string[];
  readonly tasks: readonly string[];
  readonly images: readonly string[];
}

/** What a push or image waits for, as it answers to a query: everything here was started or asked for. */
export interface OpenWork {
  readonly pushId: string;
  readonly plannedAt: string;
  /** Labels of tasks that have not reported. */
  readonly tasks: readonly string[];
  /** Images that have not answered. */
  readonly images: readonly { readonly taskId: string; readonly name: string }[];
  /** A push that takes everything back and then ends: it does no more what it is asked for. Absent in answers of older workflows. */
  readonly isEnding?: true;
  /** The newer push that has taken its place, when it ends for that alone. */
  readonly supersededBy?: string;
}
