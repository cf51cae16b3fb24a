/** A stored image of which a build may take layers. */
export interface LentLayers {
  /** What the engine finds it by; may hold a credential, so that it is shown to nobody. */
  readonly reference: string;
  /** For people, instead of that. */
  readonly name: string;
  /** Bytes that were fetched for it up to now. */
  readonly bytesLoaded: number;
  /** Why all of it moved, where less would have done. */
  readonly fellBack?: string | undefined;
  /** Whether a build failed for want of these layers, so that it may succeed without them. */
  isAtFault(error: Error): boolean;
  /** To be called when the build has ended. */
  close(): void;
}
