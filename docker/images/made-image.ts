/** An image as the engine that has it tells. */
export interface MadeImage {
  /** Milliseconds since 1970; NaN where it cannot tell. */
  readonly createdMs: number;
  /** Diff ids, lowest first. */
  readonly layers: readonly string[];
}
