import type { Closure } from '../docker/endpoint/closure.ts';
import { readClosure } from '../docker/endpoint/closure.ts';
import type { BlobStore } from '../model/blob-store.ts';
import { BlobNotFound, InternalError, isSlipwayError } from '../model/errors.ts';
import type { Digest } from '../model/pure/ids.ts';

/** Digests of everything that a manifest names, itself included; empty when the manifest is gone. */
export async function closureOf(
  blobs: BlobStore,
  digest: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  try {
    const closure = await read(blobs, digest, signal);
    return [...closure.manifests.keys(), ...closure.blobs.keys()];
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'BlobNotFound') return [];
    throw error;
  }
}

/** Checks that a manifest and every blob in it are in the store. @throws {BlobNotFound} naming the first that is not. */
export async function verifyClosure(blobs: BlobStore, digest: string, signal?: AbortSignal): Promise<void> {
  const digests = [...(await read(blobs, digest, signal)).blobs.keys()];
  const stats = await Promise.all(digests.map((blob) => blobs.stat(blob, signal)));
  const missing = digests.find((_, i) => stats[i] === undefined);
  if (missing) throw new BlobNotFound(missing);
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

/** A record that names something else than a manifest is not mended by asking again. @throws {InternalError} */
async function read(blobs: BlobStore, digest: string, signal: AbortSignal | undefined): Promise<Closure> {
  try {
    return await readClosure(blobs, digest as Digest, signal);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    throw new InternalError(`Blob ${digest} is not an image manifest: ${error.message}`, { cause: error });
  }
}
