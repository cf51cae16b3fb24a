import { readWhole } from '../docker/endpoint/closure.ts';
import { findDamage } from '../docker/transport/damage.ts';
import { CONFIG_MAX_BYTES, parseDiffIds } from '../docker/transport/stored-image.ts';
import type { BlobStore } from '../model/blob-store.ts';
import type { ImageDigests } from '../model/pure/image-digests.ts';
import type { Digest } from '../model/pure/ids.ts';
import type { StoredImage } from '../model/schema/plan.ts';

/**
 * An image with its layers, where whoever handed it on has left them out: as the plan has them, which names what it found in the
 * index, else as they stand in its config. @throws {ImageDamaged} when that is missing or wrong.
 */
export async function withLayers(
  blobs: BlobStore,
  image: ImageDigests,
  { planned, signal }: { readonly planned?: StoredImage | undefined; readonly signal: AbortSignal },
): Promise<StoredImage> {
  const { diffIds, ...digests } = image;
  if (diffIds) return { ...digests, diffIds };
  if (planned?.manifestDigest === image.manifestDigest) return planned;
  try {
    const options = { maxBytes: CONFIG_MAX_BYTES, signal };
    return {
      ...digests,
      diffIds: parseDiffIds(await readWhole(blobs, image.configDigest as Digest, options)),
    };
  } catch (error) {
    throw findDamage(error, image.manifestDigest) ?? error;
  }
}
