import type { Readable } from 'node:stream';
import { isSlipwayError, TransferFailed } from '../../model/errors.ts';
import { DIGEST_PATTERN } from '../../model/pure/ids.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { PublishResult, StepOptions } from '../engine.ts';
import { inspectImage } from './engine-images.ts';
import type { ImportedTar } from './import-tar.ts';
import { importImageTar } from './import-tar.ts';
import type { FindLayers, KnownLayer } from './known-layers.ts';
import { findKnownLayers, readByHints } from './known-layers.ts';
import type { ArchiveOptions, OnLayer } from './read-archive.ts';
import type { TransportContext } from './transport-context.ts';

/**
 * Publishes by `docker save`: everything is written out by the engine, then split into the same kind of blobs as a push
 * makes. Layers that the store has by what they unpack to are neither compressed nor sent; if a large one was taken for another,
 * all of it comes once more, and the result says so, but what is known is not sent then either.
 */
export async function publishAsTar(
  context: TransportContext,
  image: string,
  options: StepOptions & {
    readonly findLayers?: FindLayers | undefined;
    readonly onLayer?: OnLayer | undefined;
  },
): Promise<PublishResult> {
  const { signal, onProgress, findLayers, onLayer } = options;
  const known = findLayers ? await knownLayers(context, image, findLayers, signal) : undefined;
  let fellBack: string | undefined;
  const saved = await readByHints(
    (isTrusted) => save(context, image, { signal, onProgress, onLayer, known, isTrusted }),
    ({ message }) => {
      fellBack = message;
      onProgress?.({ message: `${message}; reading all of it again` });
    },
  );
  return { ...resultOf(saved), ...(fellBack === undefined ? {} : { fellBack }) };
}

async function knownLayers(
  context: TransportContext,
  image: string,
  findLayers: FindLayers,
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, KnownLayer>> {
  const found = await inspectImage(context, image);
  const diffIds = (found?.RootFS?.Layers ?? []).filter((diffId) => DIGEST_PATTERN.test(diffId)) as Digest[];
  return findKnownLayers(context.blobs, diffIds, findLayers, signal);
}

async function save(
  { docker, blobs }: TransportContext,
  image: string,
  options: Pick<ArchiveOptions, 'signal' | 'onProgress' | 'onLayer' | 'known' | 'isTrusted'>,
): Promise<ImportedTar> {
  const { signal } = options;
  const tar = (await docker.getImage(image).get()) as Readable;
  const stop = (): unknown => tar.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await importImageTar(blobs, tar, options);
  } catch (error) {
    // What an engine saves is an image: one that cannot be read did not come whole.
    if (isSlipwayError(error) && error.type === 'ImageTarRefused')
      throw new TransferFailed('publish', image, error.message, { cause: error });
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    tar.destroy();
  }
}

function resultOf({ stored, bytesWritten }: ImportedTar): PublishResult {
  return { ...stored, bytesUploaded: bytesWritten, way: 'tar' };
}
