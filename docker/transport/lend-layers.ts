import type { Digest } from '../../model/pure/ids.ts';
import { TransferFailed } from '../../model/errors.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { ownReference } from '../../model/engine-names.ts';
import type { LentLayers, LoadResult, StepOptions } from '../engine.ts';
import type { ImageEndpoint } from '../endpoint/image-endpoint.ts';
import { listStoredDigests } from './stored-image.ts';
import type { TransportContext } from './transport-context.ts';

/**
 * Lets a build take layers of a stored image. A classic engine takes them only from an image that it has, so that all of it is
 * loaded. The containerd store reads what was built by which step from the endpoint and fetches just the layers that it uses.
 * @throws {TransferFailed} {ImageDamaged} {StoreUnavailable} and others when the layers cannot be had.
 */
export async function lendLayers(
  context: TransportContext,
  image: StoredImage,
  options: StepOptions & { readonly tag: string; readonly load: () => Promise<LoadResult> },
): Promise<LentLayers> {
  if (context.info.imageStore === 'classic') {
    const { bytesLoaded, fellBack } = await options.load();
    const reference = ownReference(options.tag);
    const free = { isAtFault: () => false, close: () => undefined };
    return { reference, name: reference, bytesLoaded, fellBack, ...free };
  }
  const { endpoint } = context;
  if (!endpoint)
    throw new TransferFailed(
      'load',
      image.manifestDigest,
      'an engine with the containerd store takes layers for a build only from the image endpoint, which this one does not reach',
    );
  return overEndpoint(context, endpoint, { ...options, image });
}

/** BuildKit asks without credentials, having none outside of a session: so the name itself is one, until it is closed. */
async function overEndpoint(
  { blobs, registryHost }: TransportContext,
  endpoint: ImageEndpoint,
  { image, tag, signal }: StepOptions & { readonly tag: string; readonly image: StoredImage },
): Promise<LentLayers> {
  const digests = await listStoredDigests(blobs, image.manifestDigest as Digest, signal);
  const transfer = await endpoint.openPull(image, { signal, byName: true });
  return {
    reference: `${registryHost}/${transfer.repository}@${image.manifestDigest}`,
    name: ownReference(tag),
    get bytesLoaded() {
      return transfer.stats.bytesOut;
    },
    // What the endpoint could not give, or gave with other bytes than the engine had asked for by their digest.
    isAtFault: (error) =>
      transfer.errors.length > 0 || digests.some((digest) => error.message.includes(digest)),
    close: () => transfer.close(),
  };
}
