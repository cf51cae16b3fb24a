import type { Readable } from 'node:stream';
import type { BlobStore } from '../../model/blob-store.ts';
import { DigestMismatch } from '../../model/errors.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { digestOf } from '../endpoint/closure.ts';
import { MEDIA_TYPES } from '../endpoint/manifest.ts';
import type { StepOptions } from '../engine.ts';
import { parseArchiveManifest } from './archive-manifest.ts';
import { readArchive } from './read-archive.ts';
import { parseDiffIds } from './stored-image.ts';

export interface ImportedTar {
  readonly stored: StoredImage;
  /** Bytes of blobs that the store lacked. */
  readonly bytesWritten: number;
}

/**
 * Splits an image tar (`docker save` of any engine, or one that a task made) into blobs and a manifest. The tar is
 * hostile input: nothing of it is written anywhere but as blobs under digests that were computed here.
 * @throws {TypeError} when it is no tar of exactly one image. @throws {DigestMismatch} when its config names other layers.
 */
export async function importImageTar(
  blobs: BlobStore,
  tar: Readable,
  { signal, onProgress }: StepOptions,
): Promise<ImportedTar> {
  const archive = await readArchive(blobs, tar, { signal, onProgress });
  const { configPath, layerPaths } = parseArchiveManifest(archive.document('manifest.json'));
  const config = archive.document(configPath);
  const diffIds = parseDiffIds(config);
  const layers = [];
  for (const path of layerPaths) layers.push(await archive.layer(path));
  refuseOtherLayers(
    diffIds,
    layers.map(({ diffId }) => diffId),
  );

  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: { mediaType: MEDIA_TYPES.ociConfig, digest: digestOf(config), size: config.length },
      layers: layers.map(({ mediaType, digest, sizeBytes }) => ({ mediaType, digest, size: sizeBytes })),
    }),
  );
  let bytesWritten = archive.bytesWritten();
  for (const bytes of [config, manifest]) {
    const outcome = await blobs.write(digestOf(bytes), bytes.length, bytes, signal);
    if (outcome === 'written') bytesWritten += bytes.length;
  }
  const unique = new Map(layers.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  const layerBytes = [...unique.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  return {
    stored: {
      manifestDigest: digestOf(manifest),
      configDigest: digestOf(config),
      diffIds,
      sizeBytes: manifest.length + config.length + layerBytes,
    },
    bytesWritten,
  };
}

function refuseOtherLayers(expected: readonly Digest[], got: readonly Digest[]): void {
  if (expected.length !== got.length || expected.some((diffId, at) => diffId !== got[at]))
    throw new DigestMismatch('Layers of the image tar', expected.join(' '), got.join(' '));
}
