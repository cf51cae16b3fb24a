/** What was removed from an engine to keep its disk budget. */
export interface FreedRoom {
  readonly images: number;
  /** Caches of tasks. */
  readonly caches: number;
  /** Kept ones. */
  readonly containers: number;
  readonly freedBytes: number;
}
