import type { Readable } from 'node:stream';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import type { OnProgress } from '../engine.ts';
import { readClosure } from '../endpoint/closure.ts';
import { streamImageTar } from '../tarball/image-tar.ts';
import { streamStoredTar } from '../tarball/stored-tar.ts';
import { findAvailableBlobs } from './available-blobs.ts';
import { findPresentLayers } from './present-layers.ts';
import type { TransportContext } from './transport-context.ts';

export interface TarForEngine {
  /** What the engine lacks, by the lowest of it: tars of which this is the same bring the same layers, from that one on or from below. */
  readonly brings: string;
  /** Whether there is something that the engine need not be sent. */
  readonly isPartial: boolean;
  open(options: {
    readonly names: readonly string[];
    readonly signal: AbortSignal;
    /** Told of each layer as it is sent. */
    readonly onProgress?: OnProgress | undefined;
    readonly whole: boolean;
  }): Readable;
}

const NOTHING: ReadonlySet<Digest> = new Set();

/**
 * The tar by which an engine gets a stored image, without what it has: for a classic one layers as plain tars, which it
 * knows by their chain; for the containerd store the stored blobs, which it knows by their digests.
 */
export async function tarForEngine(
  context: TransportContext,
  image: StoredImage,
  signal: AbortSignal,
): Promise<TarForEngine> {
  const { blobs, info } = context;
  if (info.imageStore === 'classic') {
    const present = await findPresentLayers(context, image);
    const lowest = image.diffIds.findIndex((diffId) => !present.has(diffId as Digest));
    return {
      // An engine knows a layer by the chain below it.
      brings: lowest < 0 ? image.manifestDigest : image.diffIds.slice(0, lowest + 1).join(' '),
      isPartial: present.size > 0,
      open: ({ whole, ...options }) =>
        streamImageTar(blobs, image, { ...options, omit: whole ? NOTHING : present }),
    };
  }
  const closure = await readClosure(blobs, image.manifestDigest as Digest, signal);
  // Of an index only one image is stored for certain.
  if (closure.manifests.size > 1)
    return {
      brings: closure.image.layers[0]?.digest ?? image.manifestDigest,
      isPartial: false,
      open: ({ names, signal: s, onProgress }) =>
        streamImageTar(blobs, image, { names, signal: s, onProgress }),
    };
  const available = await findAvailableBlobs(context, signal);
  const lowest = closure.image.layers.find(({ digest }) => !available.has(digest));
  return {
    brings: lowest?.digest ?? image.manifestDigest,
    isPartial: closure.image.layers.some(({ digest }) => available.has(digest)),
    open: ({ whole, ...options }) =>
      streamStoredTar(blobs, closure, { ...options, omit: whole ? NOTHING : available }),
  };
}
