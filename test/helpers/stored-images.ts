import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { digestOf } from '../../docker/endpoint/closure.ts';
import { MEDIA_TYPES } from '../../docker/endpoint/manifest.ts';
import type { BlobStore } from '../../model/blob-store.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';

export interface MadeImage {
  readonly stored: StoredImage;
  readonly manifest: Buffer;
  readonly config: Buffer;
  /** As stored, lowest first. */
  readonly layers: readonly Buffer[];
}

export interface ImageParts {
  readonly contents?: readonly Buffer[];
  readonly compress?: (tar: Buffer) => Buffer;
  readonly mediaType?: string;
  /** Default: amd64. */
  readonly architecture?: string;
  /** The image has its layers twice. */
  readonly repeatLayers?: boolean;
}

/** The parts of an image whose layers are tars of one file each; gzip unless told otherwise. */
export async function anImage(options: ImageParts = {}): Promise<MadeImage> {
  const contents = options.contents ?? [randomBytes(3000), randomBytes(5000)];
  const once = await Promise.all(contents.map((content, at) => tarOf({ [`file-${at}`]: content })));
  const tars = options.repeatLayers ? [...once, ...once] : once;
  const layers = tars.map(options.compress ?? ((tar) => gzipSync(tar)));
  const diffIds = tars.map(digestOf);
  const config = Buffer.from(
    JSON.stringify({
      architecture: options.architecture ?? 'amd64',
      os: 'linux',
      config: { Cmd: ['/file-0'] },
      rootfs: { type: 'layers', diff_ids: diffIds },
    }),
  );
  const manifest = manifestOf(config, layers, options.mediaType);
  const sizeBytes = [manifest, config, ...layers].reduce((sum, part) => sum + part.length, 0);
  const stored = { manifestDigest: digestOf(manifest), configDigest: digestOf(config), diffIds, sizeBytes };
  return { stored, manifest, config, layers };
}

export function manifestOf(
  config: Buffer,
  layers: readonly Buffer[],
  mediaType: string = MEDIA_TYPES.ociLayerGzip,
): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: { mediaType: MEDIA_TYPES.ociConfig, digest: digestOf(config), size: config.length },
      layers: layers.map((layer) => ({ mediaType, digest: digestOf(layer), size: layer.length })),
    }),
  );
}

export async function put(blobs: BlobStore, bytes: Buffer): Promise<Digest> {
  await blobs.write(digestOf(bytes), bytes.length, bytes);
  return digestOf(bytes);
}

export async function putImage(blobs: BlobStore, image: MadeImage): Promise<MadeImage> {
  for (const part of [image.manifest, image.config, ...image.layers]) await put(blobs, part);
  return image;
}

export async function tarOf(files: Readonly<Record<string, Buffer | string>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mtime: new Date(0) }, content);
  tar.finalize();
  return Buffer.concat(await Readable.from(tar).toArray());
}
