import { findDamage } from '../docker/transport/damage.ts';
import { describeStoredImage } from '../docker/transport/stored-image.ts';
import type { BlobStore } from '../model/blob-store.ts';
import type { ImageDigests } from '../model/pure/image-digests.ts';
import { withoutLayers } from '../model/pure/image-digests.ts';
import type { Digest } from '../model/pure/ids.ts';
import type { PlannedImage } from '../model/schema/plan.ts';
import type { PushImage } from '../model/schema/records.ts';

/** What of a push says which image its tasks had. */
export interface Recorded {
  readonly planned: PlannedImage;
  /** In the push's record, where it has one. */
  readonly recorded: PushImage | undefined;
}

/** The manifest of the image that a push recorded for its tasks, whatever was built of the same content since. */
export function recordedDigest({ planned: { stored, imageHash }, recorded }: Recorded): Digest | undefined {
  // What another plan of the push has left is of other content.
  const told = recorded?.imageHash === imageHash ? recorded?.manifestDigest : undefined;
  return (told as Digest | undefined) ?? stored?.manifestDigest;
}

/** That image, where the store has it; whether it is whole is not looked at. */
export async function findRecordedImage(
  blobs: BlobStore,
  what: Recorded,
  signal: AbortSignal,
): Promise<ImageDigests | undefined> {
  const digest = recordedDigest(what);
  if (digest === undefined) return undefined;
  const { stored } = what.planned;
  if (stored?.manifestDigest === digest) return withoutLayers(stored);
  try {
    return withoutLayers(await describeStoredImage(blobs, digest, signal));
  } catch (error) {
    const isNone = error instanceof TypeError || error instanceof SyntaxError;
    if (isNone || findDamage(error, digest)) return undefined;
    throw error;
  }
}
