import { createHash } from 'node:crypto';
import type { BlobStore } from '../../model/blob-store.ts';
import { BlobNotFound, DigestMismatch } from '../../model/errors.ts';
import type { Digest } from '../../model/pure/ids.ts';
import { MANIFEST_MAX_BYTES, parseManifest } from './manifest.ts';
import type { ImageManifest, Manifest } from './manifest.ts';

export interface StoredManifest {
  readonly bytes: Buffer;
  readonly manifest: Manifest;
}

/** Everything that one manifest reaches. */
export interface Closure {
  readonly root: Digest;
  readonly manifests: ReadonlyMap<Digest, StoredManifest>;
  /** Configs and layers with their sizes. */
  readonly blobs: ReadonlyMap<Digest, number>;
  /** The manifest of the image itself: the root, or of an index its first child that is for a platform. */
  readonly image: ImageManifest;
}

/** Reads a manifest and, when it is an index, its children. @throws {BlobNotFound} {DigestMismatch} {TypeError} when one is no manifest. */
export async function readClosure(blobs: BlobStore, root: Digest, signal?: AbortSignal): Promise<Closure> {
  const manifests = new Map<Digest, StoredManifest>();
  const sizes = new Map<Digest, number>();
  const add = async (digest: Digest): Promise<Manifest> => {
    const bytes = await readWhole(blobs, digest, { maxBytes: MANIFEST_MAX_BYTES, signal });
    const manifest = parseManifest(bytes);
    manifests.set(digest, { bytes, manifest });
    if (manifest.kind === 'image')
      for (const part of [manifest.config, ...manifest.layers]) sizes.set(part.digest, part.size);
    return manifest;
  };

  const top = await add(root);
  if (top.kind === 'image') return { root, manifests, blobs: sizes, image: top };

  let image: ImageManifest | undefined;
  for (const child of top.manifests) {
    const manifest = await add(child.digest);
    if (manifest.kind === 'index') throw new TypeError(`index ${root} names another index`);
    // An attestation says that it is for the platform unknown/unknown.
    if (child.platform?.os !== 'unknown') image ??= manifest;
  }
  if (!image) throw new TypeError(`index ${root} names no image`);
  return { root, manifests, blobs: sizes, image };
}

/** A small blob whole, its bytes checked against its digest. @throws {BlobNotFound} {DigestMismatch} also when it is larger than `maxBytes`. */
export async function readWhole(
  blobs: BlobStore,
  digest: Digest,
  options: { readonly maxBytes: number; readonly signal?: AbortSignal | undefined },
): Promise<Buffer> {
  const stat = await blobs.stat(digest, options.signal);
  if (!stat) throw new BlobNotFound(digest);
  if (stat.sizeBytes > options.maxBytes)
    throw new DigestMismatch(`Blob ${digest}`, `at most ${options.maxBytes} bytes`, `${stat.sizeBytes}`);
  const chunks: Buffer[] = [];
  const body = await blobs.read(digest, options.signal ? { signal: options.signal } : {});
  for await (const chunk of body) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const got = digestOf(bytes);
  if (got !== digest) throw new DigestMismatch(`Blob ${digest}`, digest, got);
  return bytes;
}

/** The OCI digest of bytes. */
export function digestOf(bytes: Buffer): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
