import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Pack } from 'tar-stream';
import type { BlobStore } from '../../model/blob-store.ts';
import { DigestMismatch } from '../../model/errors.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { readClosure, readWhole } from '../endpoint/closure.ts';
import type { Descriptor } from '../endpoint/manifest.ts';
import type { OnProgress } from '../engine.ts';
import { CONFIG_MAX_BYTES, parseDiffIds } from '../transport/stored-image.ts';
import { shortDigest, tellBytes } from '../transport/tell-bytes.ts';
import { dockerManifest, layoutFiles } from './image-layout.ts';
import { measureLayer, readLayer } from './layer-bytes.ts';
import { streamTar } from './stream-tar.ts';
import { addBuffer, addStream } from './tar-entries.ts';

export interface ImageTarOptions {
  /** Names that the image gets where the tar is loaded, for example `lint:latest`. */
  readonly names: readonly string[];
  readonly signal: AbortSignal;
  /** Told of each layer as it passes, and while it is measured before. */
  readonly onProgress?: OnProgress | undefined;
  /** Layers, by diff id, that whoever reads the tar has already: they are named in it and left out of it. */
  readonly omit?: ReadonlySet<Digest>;
  /** `classic`: only what classic engines read; layers that are left out need not be unpacked to be measured then. Default `all`. */
  readonly readers?: 'all' | 'classic';
}

/**
 * `public/image.tar` of a stored image, made as it streams: layers as plain tars, config, `manifest.json` and the OCI
 * layout that names just these. One image gives one byte sequence, however its blobs are compressed. Engines load it
 * from 20.10 on. The stream fails with {BlobNotFound} or {DigestMismatch} when the store is not as its manifest says.
 */
export function streamImageTar(
  blobs: BlobStore,
  image: Pick<StoredImage, 'manifestDigest'>,
  options: ImageTarOptions,
): Readable {
  const root = image.manifestDigest as Digest;
  return streamTar((pack, signal) => fill(pack, { ...options, blobs, root, signal }), options.signal);
}

async function fill(
  pack: Pack,
  options: ImageTarOptions & { readonly blobs: BlobStore; readonly root: Digest },
): Promise<void> {
  const { blobs, root, names, signal, onProgress, omit = new Set(), readers = 'all' } = options;
  const { image } = await readClosure(blobs, root, signal);
  const config = await readWhole(blobs, image.config.digest, { maxBytes: CONFIG_MAX_BYTES, signal });
  const layers = pairLayers(parseDiffIds(config), image.layers, image.config.digest);

  const sizes = new Map<Digest, number>();
  for (const { diffId, layer } of layers) {
    if (sizes.has(diffId) || (omit.has(diffId) && readers === 'classic')) continue;
    const shown = shortDigest(diffId);
    onProgress?.({ message: `${shown}: measuring` });
    const sizeBytes = await measureLayer(blobs, layer, signal);
    sizes.set(diffId, sizeBytes);
    if (omit.has(diffId)) continue;
    const body = verified(await readLayer(blobs, layer, signal), diffId);
    const told = tellBytes(body, { layer: shown, totalBytes: sizeBytes, doing: 'sending' }, onProgress);
    await addStream(pack, blobPath(diffId), { body: told, sizeBytes });
  }
  await addBuffer(pack, blobPath(image.config.digest), config);
  const parts = layers.map(({ diffId }) => ({ digest: diffId, sizeBytes: sizes.get(diffId) ?? 0 }));
  const layout = { names, config, configDigest: image.config.digest, layers: parts };
  for (const [path, bytes] of readers === 'all' ? layoutFiles(layout) : [dockerManifest(layout)])
    await addBuffer(pack, path, bytes);
}

/** Where the layout keeps a blob. */
export function blobPath(digest: Digest): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

function pairLayers(
  diffIds: readonly Digest[],
  layers: readonly Descriptor[],
  configDigest: Digest,
): { diffId: Digest; layer: Descriptor }[] {
  if (diffIds.length !== layers.length)
    throw new DigestMismatch(`Config ${configDigest}`, `${layers.length} layers`, `${diffIds.length}`);
  return diffIds.map((diffId, at) => ({ diffId, layer: layers[at] as Descriptor }));
}

async function* verified(body: Readable, diffId: Digest): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of body) {
    hash.update(chunk as Buffer);
    yield chunk as Buffer;
  }
  const got = `sha256:${hash.digest('hex')}`;
  if (got !== diffId) throw new DigestMismatch('Unpacked layer', diffId, got);
}
