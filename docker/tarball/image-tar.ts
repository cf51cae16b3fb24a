import { tmpdir } from 'node:os';
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
import { layoutFiles, plainLayer } from './image-layout.ts';
import type { LayoutLayer } from './image-layout.ts';
import { passPlainLayer } from './plain-layer.ts';
import type { LayerToUnpack } from './plain-layer.ts';
import { streamTar } from './stream-tar.ts';
import { addBuffer, addStream } from './tar-entries.ts';

export interface ImageTarOptions {
  /** Names that the image gets where the tar is loaded, for example `lint:latest`. */
  readonly names: readonly string[];
  readonly signal: AbortSignal;
  /** Told of each layer as it is fetched and as it passes. */
  readonly onProgress?: OnProgress | undefined;
  /** Layers, by diff id, that whoever reads the tar has already: they are named in it and left out of it, and not read. */
  readonly omit?: ReadonlySet<Digest>;
  /** On whose disk a layer lies while it is measured; default: the system's for such things. */
  readonly directory?: string;
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
  const { blobs, root, names, signal, onProgress, omit = new Set(), directory = tmpdir() } = options;
  const { image } = await readClosure(blobs, root, signal);
  const config = await readWhole(blobs, image.config.digest, { maxBytes: CONFIG_MAX_BYTES, signal });
  const layers = pairLayers(parseDiffIds(config), image.layers, image.config.digest);

  const added = new Map<Digest, LayoutLayer>();
  for (const { diffId, layer } of layers) {
    if (added.has(diffId) || omit.has(diffId)) continue;
    await passPlainLayer(blobs, { diffId, layer }, { signal, onProgress, directory }, async (plain) => {
      await addStream(pack, blobPath(diffId), plain);
      added.set(diffId, plainLayer(diffId, plain.sizeBytes));
    });
  }
  await addBuffer(pack, blobPath(image.config.digest), config);
  const named = layers.map(({ diffId, layer }) => added.get(diffId) ?? { diffId, blob: layer });
  const layout = { names, config, configDigest: image.config.digest, layers: named };
  for (const [path, bytes] of layoutFiles(layout)) await addBuffer(pack, path, bytes);
}

/** Where the layout keeps a blob. */
export function blobPath(digest: Digest): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

function pairLayers(
  diffIds: readonly Digest[],
  layers: readonly Descriptor[],
  configDigest: Digest,
): LayerToUnpack[] {
  if (diffIds.length !== layers.length)
    throw new DigestMismatch(`Config ${configDigest}`, `${layers.length} layers`, `${diffIds.length}`);
  return diffIds.map((diffId, at) => ({ diffId, layer: layers[at] as Descriptor }));
}
