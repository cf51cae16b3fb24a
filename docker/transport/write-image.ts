import type { BlobStore } from '../../model/blob-store.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { digestOf } from '../endpoint/closure.ts';
import { MEDIA_TYPES } from '../endpoint/manifest.ts';

export interface ImageToWrite {
  readonly config: Buffer;
  readonly diffIds: readonly Digest[];
  /** Blobs that are in the store, lowest first. */
  readonly layers: readonly {
    readonly mediaType: string;
    readonly digest: Digest;
    readonly sizeBytes: number;
  }[];
}

/** Makes an image of layers that are stored: writes its config, and last its manifest. Safe to repeat and to race. */
export async function writeImage(
  blobs: BlobStore,
  { config, diffIds, layers }: ImageToWrite,
  signal: AbortSignal,
): Promise<{ readonly stored: StoredImage; readonly bytesWritten: number }> {
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: { mediaType: MEDIA_TYPES.ociConfig, digest: digestOf(config), size: config.length },
      layers: layers.map(({ mediaType, digest, sizeBytes }) => ({ mediaType, digest, size: sizeBytes })),
    }),
  );
  let bytesWritten = 0;
  for (const bytes of [config, manifest]) {
    const outcome = await blobs.write(digestOf(bytes), bytes.length, bytes, signal);
    if (outcome === 'written') bytesWritten += bytes.length;
  }
  const unique = new Map(layers.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  const layerBytes = [...unique.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  const stored = {
    manifestDigest: digestOf(manifest),
    configDigest: digestOf(config),
    diffIds: [...diffIds],
    sizeBytes: manifest.length + config.length + layerBytes,
  };
  return { stored, bytesWritten };
}
