import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { streamImageTar } from '../tarball/image-tar.ts';
import type { StepOptions } from '../engine.ts';
import { findDamage } from './damage.ts';
import { findLoaded, removeReference } from './engine-images.ts';
import { findPresentLayers } from './present-layers.ts';
import { followProgress } from './progress-stream.ts';
import { isStoreTrouble } from './store-trouble.ts';
import { ownReference } from './transport-context.ts';
import type { TransportContext } from './transport-context.ts';

export interface LoadedTar {
  readonly engineImageId: string;
  readonly bytesLoaded: number;
  readonly fellBack?: string;
  /** Removes the name that the tar gave it; to be called once it has another. */
  release(): Promise<void>;
}

/**
 * Loads a stored image without the layers that a classic engine has; if that fails, whole, and the result says so. The
 * engine's words are not read: it is found by the throw-away name that is in the tar.
 */
export async function loadAsTar(
  context: TransportContext,
  image: StoredImage,
  options: StepOptions,
): Promise<LoadedTar> {
  // What the other kind of engine answers to a tar that lacks a layer is that all is well.
  const omit = context.info.imageStore === 'classic' ? await findPresentLayers(context, image) : NO_LAYERS;
  if (omit.size === 0) return loadWithout(context, image, omit, options);
  try {
    return await loadWithout(context, image, omit, options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (findDamage(error, image.manifestDigest) || isStoreTrouble(error)) throw error;
    const fellBack = `without the layers that it has: ${(error as Error).message}`;
    options.onProgress?.({ message: `${fellBack}; sending all of it` });
    return { ...(await loadWithout(context, image, NO_LAYERS, options)), fellBack };
  }
}

const NO_LAYERS: ReadonlySet<Digest> = new Set();

async function loadWithout(
  context: TransportContext,
  image: StoredImage,
  omit: ReadonlySet<Digest>,
  { signal, onProgress }: StepOptions,
): Promise<LoadedTar> {
  const reference = ownReference(`loading-${randomUUID()}`);
  const release = (): Promise<void> => removeReference(context, reference);
  const tar = streamImageTar(context.blobs, image, {
    names: [reference],
    signal,
    omit,
    readers: context.info.imageStore === 'classic' ? 'classic' : 'all',
  });
  try {
    const bytesLoaded = await send(context, tar, { signal, onProgress });
    const engineImageId = await findLoaded(context, image, [reference]);
    if (!engineImageId) throw new Error('the engine took the tar, but does not have all of the image');
    return { engineImageId, bytesLoaded, release };
  } catch (error) {
    // The containerd store keeps the name of an image that it could not unpack.
    await release();
    // What broke the tar on our side is the cause of whatever the engine says of it.
    throw tar.errored ?? error;
  }
}

async function send(
  { docker }: TransportContext,
  tar: Readable,
  { signal, onProgress }: { signal: AbortSignal; onProgress: StepOptions['onProgress'] },
): Promise<number> {
  let bytes = 0;
  tar.on('data', (chunk: Buffer) => (bytes += chunk.length));
  try {
    const answer = await docker.loadImage(tar, { quiet: true, abortSignal: signal });
    await followProgress(answer as Readable, onProgress);
    return bytes;
  } finally {
    tar.destroy();
  }
}
