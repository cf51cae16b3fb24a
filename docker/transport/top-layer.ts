import type { BlobStore } from '../../model/blob-store.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { readClosure } from '../endpoint/closure.ts';
import { writeImage } from './write-image.ts';

const MEDIA_TYPE_OF_LAYER: Readonly<Record<string, string>> = {
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.docker.image.rootfs.diff.tar': 'application/vnd.oci.image.layer.v1.tar',
};

/** Makes an image of nothing but the last layer of a stored one. Safe to repeat. @throws {TypeError} when that has none. */
export async function topLayerOf(
  blobs: BlobStore,
  image: Pick<StoredImage, 'manifestDigest' | 'diffIds'>,
  { platform, signal }: { readonly platform: string; readonly signal: AbortSignal },
): Promise<StoredImage> {
  const closure = await readClosure(blobs, image.manifestDigest as Digest, signal);
  const layer = closure.image.layers.at(-1);
  const diffId = image.diffIds.at(-1) as Digest | undefined;
  if (!layer || diffId === undefined) throw new TypeError(`image ${image.manifestDigest} has no layer`);
  const [os, architecture, variant] = platform.split('/');
  const config = {
    ...{ architecture, os },
    ...(variant === undefined ? {} : { variant }),
    config: {},
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created_by: 'slipway: a cache mount' }],
  };
  const mediaType = MEDIA_TYPE_OF_LAYER[layer.mediaType] ?? layer.mediaType;
  const { stored } = await writeImage(
    blobs,
    {
      config: Buffer.from(JSON.stringify(config)),
      diffIds: [diffId],
      layers: [{ mediaType, digest: layer.digest, sizeBytes: layer.size }],
    },
    signal,
  );
  return stored;
}
