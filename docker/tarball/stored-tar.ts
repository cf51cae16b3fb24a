import type { Readable } from 'node:stream';
import type { Pack } from 'tar-stream';
import type { BlobStore } from '../../model/blob-store.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { Closure } from '../endpoint/closure.ts';
import { readWhole } from '../endpoint/closure.ts';
import type { OnProgress } from '../engine.ts';
import { CONFIG_MAX_BYTES } from '../transport/stored-image.ts';
import { shortDigest, tellBytes } from '../transport/tell-bytes.ts';
import { storedLayoutFiles } from './image-layout.ts';
import { blobPath } from './image-tar.ts';
import { streamTar } from './stream-tar.ts';
import { addBuffer, addStream } from './tar-entries.ts';

export interface StoredTarOptions {
  readonly names: readonly string[];
  readonly signal: AbortSignal;
  /** Told of each layer as it passes. */
  readonly onProgress?: OnProgress | undefined;
  /** Blobs that the reader has. */
  readonly omit: ReadonlySet<Digest>;
}

/**
 * A stored image as an OCI layout of its very blobs, for an engine that keeps blobs: it has the image under its own manifest
 * then, as if it had pulled it, and can push and save it again.
 */
export function streamStoredTar(blobs: BlobStore, closure: Closure, options: StoredTarOptions): Readable {
  return streamTar((pack, signal) => fill(pack, blobs, closure, { ...options, signal }), options.signal);
}

async function fill(
  pack: Pack,
  blobs: BlobStore,
  { root, image, manifests }: Closure,
  { names, signal, onProgress, omit }: StoredTarOptions,
): Promise<void> {
  const added = new Set(omit);
  for (const { digest, size } of image.layers) {
    if (added.has(digest)) continue;
    added.add(digest);
    const read = await blobs.read(digest, { signal });
    const told = { layer: shortDigest(digest), totalBytes: size, doing: 'sending' as const };
    await addStream(pack, blobPath(digest), { body: tellBytes(read, told, onProgress), sizeBytes: size });
  }
  const config = await readWhole(blobs, image.config.digest, { maxBytes: CONFIG_MAX_BYTES, signal });
  const manifest = manifests.get(root)?.bytes ?? Buffer.alloc(0);
  await addBuffer(pack, blobPath(image.config.digest), config);
  await addBuffer(pack, blobPath(root), manifest);
  for (const [path, bytes] of storedLayoutFiles(names, { digest: root, manifest, image }))
    await addBuffer(pack, path, bytes);
}
