import type { Digest } from '../../model/pure/ids.ts';
import { DIGEST_PATTERN } from '../../model/pure/ids.ts';
import { isSlipwayError } from '../../model/errors.ts';
import { readClosure } from '../endpoint/closure.ts';
import type { TransportContext } from './transport-context.ts';

interface ListedImage {
  readonly Manifests?: readonly {
    readonly Kind?: string;
    readonly Available?: boolean;
    readonly Descriptor?: { readonly digest?: string };
  }[];
}

/**
 * Blobs that an engine with the containerd store has for certain: those of stored images that are available there whole. A
 * layer that is only unpacked is not enough, since the image could not be saved or pushed again.
 */
export async function findAvailableBlobs(
  context: TransportContext,
  signal: AbortSignal,
): Promise<ReadonlySet<Digest>> {
  const options = { all: true, manifests: true };
  const images = (await context.docker.listImages(options)) as unknown as readonly ListedImage[];
  const available = new Set<Digest>();
  for (const { Manifests = [] } of images)
    for (const { Kind, Available, Descriptor } of Manifests ?? []) {
      const digest = Descriptor?.digest ?? '';
      if (Kind !== 'image' || Available !== true || !DIGEST_PATTERN.test(digest)) continue;
      for (const blob of await blobsOf(context, digest as Digest, signal)) available.add(blob);
    }
  return available;
}

/** None of an image that is not in the store: what its layers are is not known then. */
async function blobsOf(
  { blobs }: TransportContext,
  manifest: Digest,
  signal: AbortSignal,
): Promise<readonly Digest[]> {
  try {
    const { image } = await readClosure(blobs, manifest, signal);
    return image.layers.map(({ digest }) => digest);
  } catch (error) {
    const isNone =
      isSlipwayError(error) && (error.type === 'BlobNotFound' || error.type === 'DigestMismatch');
    if (isNone || error instanceof TypeError) return [];
    throw error;
  }
}
