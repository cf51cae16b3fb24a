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
