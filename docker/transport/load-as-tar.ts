import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { StoredImage } from '../../model/schema/plan.ts';
import { streamImageTar } from '../tarball/image-tar.ts';
import type { StepOptions } from '../engine.ts';
import { findLoaded, removeReference } from './engine-images.ts';
import { followProgress } from './progress-stream.ts';
import { ownReference } from './transport-context.ts';
import type { TransportContext } from './transport-context.ts';

export interface LoadedTar {
  readonly engineImageId: string;
  readonly bytesLoaded: number;
  /** Removes the name that the tar gave it; to be called once it has another. */
  release(): Promise<void>;
}

/** Loads a stored image whole. The engine's words are not read: it is found by the throw-away name that is in the tar. */
export async function loadAsTar(
  context: TransportContext,
  image: StoredImage,
  { signal, onProgress }: StepOptions,
): Promise<LoadedTar> {
  const reference = ownReference(`loading-${randomUUID()}`);
  const release = (): Promise<void> => removeReference(context, reference);
  const tar = streamImageTar(context.blobs, image, { names: [reference], signal });
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
