import { z } from 'zod';
import type { BlobStore } from '../model/blob-store.ts';
import { BlobNotFound, InternalError, isSlipwayError } from '../model/errors.ts';
import type { Digest } from '../model/pure/ids.ts';

const MANIFEST_BYTES = 4 * 1024 * 1024;

const descriptor = z.object({ digest: z.string(), size: z.number() });
const manifestSchema = z.object({ config: descriptor, layers: z.array(descriptor) });

export interface ReadManifest {
  readonly configDigest: Digest;
  readonly blobs: readonly { readonly digest: Digest; readonly sizeBytes: number }[];
}

/** Reads an image's manifest back from the store. @throws {BlobNotFound} @throws {InternalError} when it is no manifest. */
export async function readManifest(
  blobs: BlobStore,
  digest: string,
  signal?: AbortSignal,
): Promise<ReadManifest> {
  const body = await blobs.read(digest as Digest, signal ? { signal } : {});
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    sizeBytes += part.byteLength;
    if (sizeBytes > MANIFEST_BYTES) throw new InternalError(`Blob ${digest} is too large for a manifest`);
    parts.push(part);
  }
  const parsed = manifestSchema.safeParse(JSON.parse(Buffer.concat(parts).toString('utf8')));
  if (!parsed.success)
    throw new InternalError(`Blob ${digest} is not an image manifest: ${z.prettifyError(parsed.error)}`);
  const { config, layers } = parsed.data;
  return {
    configDigest: config.digest as Digest,
    blobs: [config, ...layers].map(({ digest: blob, size }) => ({ digest: blob as Digest, sizeBytes: size })),
  };
}

/** Digests of everything that a manifest names, itself included; empty when the manifest is gone. */
export async function closureOf(
  blobs: BlobStore,
  digest: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  try {
    const manifest = await readManifest(blobs, digest, signal);
    return [digest, ...manifest.blobs.map((blob) => blob.digest)];
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'BlobNotFound') return [];
    throw error;
  }
}

/** Checks that a manifest and every blob in it are in the store. @throws {BlobNotFound} naming the first that is not. */
export async function verifyClosure(
  blobs: BlobStore,
  digest: string,
  signal?: AbortSignal,
): Promise<ReadManifest> {
  const manifest = await readManifest(blobs, digest, signal);
  const stats = await Promise.all(manifest.blobs.map((blob) => blobs.stat(blob.digest, signal)));
  const missing = manifest.blobs.find((_, i) => stats[i] === undefined);
  if (missing) throw new BlobNotFound(missing.digest);
  return manifest;
}

/** Whether a manifest and every blob in it are in the store. */
export async function isWhole(blobs: BlobStore, digest: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await verifyClosure(blobs, digest, signal);
    return true;
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'BlobNotFound') return false;
    throw error;
  }
}
