import type { Digest } from '../../model/pure/ids.ts';

/** A layer that the store has, by what it unpacks to. */
export interface KnownLayer {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly mediaType: string;
  /** Size of the plain tar. */
  readonly unpackedBytes: number;
}

/** Thrown when a layer that was taken for one that the store has is another: what passed must come once more, to be stored. */
export class LayerNotKnown extends Error {
  constructor(diffId: Digest) {
    super(`layer ${diffId} was taken for one that is known`);
  }
}
