import type { Readable } from 'node:stream';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { readClosure } from '../endpoint/closure.ts';
import { streamImageTar } from '../tarball/image-tar.ts';
import { streamStoredTar } from '../tarball/stored-tar.ts';
import { findAvailableBlobs } from './available-blobs.ts';
import { findPresentLayers } from './present-layers.ts';
import type { TransportContext } from './transport-context.ts';

export interface TarForEngine {
  /** Whether there is something that the engine need not be sent. */
  readonly isPartial: boolean;
  open(options: {
    readonly names: readonly string[];
    readonly signal: AbortSignal;
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
    return {
      isPartial: present.size > 0,
      open: ({ whole, ...options }) =>
        streamImageTar(blobs, image, { ...options, omit: whole ? NOTHING : present, readers: 'classic' }),
    };
  }
  const closure = await readClosure(blobs, image.manifestDigest as Digest, signal);
  // Of an index only one image is stored for certain.
  if (closure.manifests.size > 1)
    return {
      isPartial: false,
      open: ({ names, signal: s }) => streamImageTar(blobs, image, { names, signal: s }),
    };
  const available = await findAvailableBlobs(context, signal);
  return {
    isPartial: closure.image.layers.some(({ digest }) => available.has(digest)),
    open: ({ whole, ...options }) =>
      streamStoredTar(blobs, closure, { ...options, omit: whole ? NOTHING : available }),
  };
}
