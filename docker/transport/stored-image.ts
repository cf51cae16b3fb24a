import { z } from 'zod';
import type { BlobStore, LayerBlob } from '../../model/blob-store.ts';
import { DigestMismatch } from '../../model/errors.ts';
import { DIGEST_PATTERN } from '../../model/pure/ids.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { readClosure, readWhole } from '../endpoint/closure.ts';
import type { Closure } from '../endpoint/closure.ts';

/** Configs carry an inline build cache at times; more than this is hostile. */
export const CONFIG_MAX_BYTES = 16 * 1024 * 1024;

const configSchema = z.object({
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(z.string().regex(DIGEST_PATTERN)) }),
});

/** Reads back from the store what a manifest names. @throws {BlobNotFound} {DigestMismatch} {TypeError} when it is no image. */
export async function describeStoredImage(
  blobs: BlobStore,
  manifestDigest: Digest,
  signal?: AbortSignal,
): Promise<StoredImage> {
  return (await readStoredImage(blobs, manifestDigest, signal)).stored;
}

/** The same, and the blob of each layer, lowest first. */
export async function readStoredImage(
  blobs: BlobStore,
  manifestDigest: Digest,
  signal?: AbortSignal,
): Promise<{ readonly stored: StoredImage; readonly layers: readonly LayerBlob[] }> {
  const closure = await readClosure(blobs, manifestDigest, signal);
  const { config, layers } = closure.image;
  const diffIds = parseDiffIds(await readWhole(blobs, config.digest, { maxBytes: CONFIG_MAX_BYTES, signal }));
  if (diffIds.length !== layers.length)
    throw new DigestMismatch(`Config ${config.digest}`, `${layers.length} layers`, `${diffIds.length}`);
  return {
    stored: { manifestDigest, configDigest: config.digest, diffIds, sizeBytes: sizeOf(closure) },
    layers: layers.map(({ digest }, at) => ({ diffId: diffIds[at] as Digest, digest })),
  };
}

/** Digests of the uncompressed layers, lowest first, as an image's config has them. @throws {TypeError} */
export function parseDiffIds(config: Buffer): Digest[] {
  const parsed = configSchema.safeParse(parseJson(config.toString('utf8')));
  if (!parsed.success) throw new TypeError(`not an image config: ${z.prettifyError(parsed.error)}`);
  return parsed.data.rootfs.diff_ids as Digest[];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TypeError(`not an image config: ${(error as Error).message}`, { cause: error });
  }
}

/** Every digest that an image keeps alive in the store: its manifests, configs and layers. */
export async function listStoredDigests(
  blobs: BlobStore,
  manifestDigest: Digest,
  signal?: AbortSignal,
): Promise<readonly Digest[]> {
  const closure = await readClosure(blobs, manifestDigest, signal);
  return [...closure.manifests.keys(), ...closure.blobs.keys()];
}

function sizeOf(closure: Closure): number {
  let sum = 0;
  for (const { bytes } of closure.manifests.values()) sum += bytes.length;
  for (const sizeBytes of closure.blobs.values()) sum += sizeBytes;
  return sum;
}
