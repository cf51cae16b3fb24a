import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { ownReference } from '../../model/engine-names.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import type { StepOptions } from '../engine.ts';
import { loadingName } from '../room/use-names.ts';
import { findDamage } from './damage.ts';
import { expectedId, findLoaded, removeReference } from './engine-images.ts';
import { followProgress } from './progress-stream.ts';
import { isStoreTrouble } from './store-trouble.ts';
import type { TarForEngine } from './tar-for-engine.ts';
import type { TransportContext } from './transport-context.ts';

/** It has the name that its tar gave it, to be taken away once it has another. */
export interface LoadedTar {
  readonly engineImageId: string;
  readonly bytesLoaded: number;
  readonly fellBack?: string;
}

export interface LoadAsTarOptions extends StepOptions {
  readonly tar: TarForEngine;
  /** Of the name that it is to have in the end. */
  readonly tag: string;
  /** Why it is sent whole, whatever the engine says that it has. */
  readonly anew?: string | undefined;
}

/**
 * Loads a stored image without the layers that the engine has, as its tar was made for that; if that fails, whole, and the result says so. The engine's
 * words are not read: it is found by the throw-away name that is in the tar, or by its id.
 */
export async function loadAsTar(
  context: TransportContext,
  image: StoredImage,
  options: LoadAsTarOptions,
): Promise<LoadedTar> {
  if (!options.tar.isPartial || options.anew !== undefined)
    return loadOnce(context, image, { ...options, whole: true });
  try {
    return await loadOnce(context, image, { ...options, whole: false });
  } catch (error) {
    options.signal.throwIfAborted();
    if (findDamage(error, image.manifestDigest) || isStoreTrouble(error)) throw error;
    const fellBack = `without the layers that it has: ${(error as Error).message}`;
    options.onProgress?.({ message: `${fellBack}; sending all of it` });
    return { ...(await loadOnce(context, image, { ...options, whole: true })), fellBack };
  }
}

async function loadOnce(
  context: TransportContext,
  image: StoredImage,
  options: LoadAsTarOptions & { readonly whole: boolean },
): Promise<LoadedTar> {
  const { signal, onProgress, whole } = options;
  const reference = loadingName(randomUUID());
  const tar = options.tar.open({ names: [reference], signal, onProgress, whole });
  try {
    const bytesLoaded = await send(context, tar, { signal, onProgress });
    // Another load that has found it there may have taken the name away, and given it its own.
    const names = [reference, ownReference(options.tag), expectedId(context, image)];
    const engineImageId = await findLoaded(context, image, names);
    if (!engineImageId) throw new Error('the engine took the tar, but does not have all of the image');
    return { engineImageId, bytesLoaded };
  } catch (error) {
    // The containerd store keeps the name of an image that it could not unpack.
    await removeReference(context, reference);
    // What broke the tar on our side is the cause of whatever the engine says of it.
    throw tar.errored ?? error;
  }
}

async function send(
  { docker, info }: TransportContext,
  tar: Readable,
  { signal, onProgress }: { signal: AbortSignal; onProgress: StepOptions['onProgress'] },
): Promise<number> {
  let bytes = 0;
  tar.on('data', (chunk: Buffer) => (bytes += chunk.length));
  try {
    // A classic engine takes the whole tar in first, and then tells of each layer that it unpacks.
    const quiet = onProgress === undefined || info.imageStore !== 'classic';
    const answer = await docker.loadImage(tar, { quiet, abortSignal: signal });
    await followProgress(answer as Readable, onProgress);
    return bytes;
  } finally {
    tar.destroy();
  }
}
