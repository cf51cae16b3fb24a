/** One way to bring an image from one engine to another by a store in between. */
export interface Way {
  readonly name: string;
  /** It knows no "the target has the rest", so it is measured only where nothing is there. */
  readonly onlyCold?: boolean;
  /**
   * Brings an image to the target engine, from "it is there by its tag on the source" on.
   * @returns what to make a container of there, and the bytes that the store was sent.
   */
  move(tag: string): Promise<Moved>;
  /** What the store has now is what {@link reset} goes back to. */
  mark(): Promise<void>;
  /** Takes everything out of the store that came since the last {@link mark}. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export interface Moved {
  readonly image: string;
  readonly bytesSent: number;
  /** What a process of ours read of the store; undefined where only the engine reads. */
  readonly bytesRead?: number;
  /** Until the store had all of it. */
  readonly sendingMs: number;
  /** Names that the move has left in the target engine. */
  readonly names: readonly string[];
  /** Most memory that a process of ours had which moved it; undefined where only the engine moves. */
  readonly peakRssBytes?: number;
}
