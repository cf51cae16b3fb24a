import type { Closure } from '../docker/endpoint/closure.ts';
import { readClosure } from '../docker/endpoint/closure.ts';
import { findDamage } from '../docker/transport/damage.ts';
import type { BlobStat, BlobStore } from '../model/blob-store.ts';
import { ImageDamaged, InternalError } from '../model/errors.ts';
import type { Digest } from '../model/pure/ids.ts';

/** Digests of everything that a manifest names, itself included, but not of what is missing or visibly damaged. */
export async function closureOf(
  blobs: BlobStore,
  digest: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const { closure, flaws } = await look(blobs, digest, { signal });
  const all = closure ? [...closure.manifests.keys(), ...closure.blobs.keys()] : [];
  return all.filter((part) => !flaws.includes(part));
}

/**
 * Parts of a stored image that are missing, or that can be seen to be damaged without reading the layers: a manifest
 * with other bytes, a blob of another size.
 */
export async function findFlaws(
  blobs: BlobStore,
  digest: string,
  signal?: AbortSignal,
): Promise<readonly Digest[]> {
  return (await look(blobs, digest, { signal })).flaws;
}

/** Whether a manifest and every blob in it are in the store, as far as can be seen without reading them. */
export async function isWhole(blobs: BlobStore, digest: string, signal?: AbortSignal): Promise<boolean> {
  return (await findFlaws(blobs, digest, signal)).length === 0;
}

/**
 * Claims everything that an image consists of, for whoever is going to write its entry: what is there stays until then.
 * @throws {ImageDamaged} naming the first part that {@link findFlaws} finds.
 */
export async function claimClosure(blobs: BlobStore, digest: string, signal?: AbortSignal): Promise<void> {
  const flaw = await claim(blobs, digest, signal);
  if (flaw) throw new ImageDamaged(digest, flaw, `blob ${flaw} is missing or has another size`);
}

/** The same, where it is asked whether there is all of it: as {@link isWhole}, for whoever is going to load what nothing else keeps. */
export async function isWholeToStay(
  blobs: BlobStore,
  digest: string,
  signal?: AbortSignal,
): Promise<boolean> {
  return (await claim(blobs, digest, signal)) === undefined;
}

/** Gives the first part that could not be had. */
async function claim(blobs: BlobStore, digest: string, signal?: AbortSignal): Promise<Digest | undefined> {
  const { closure, flaws } = await look(blobs, digest, { signal, ask: (part) => blobs.claim(part, signal) });
  const manifests = [...(closure?.manifests.keys() ?? [])];
  const claimed = await Promise.all(manifests.map((manifest) => blobs.claim(manifest, signal)));
  return flaws[0] ?? manifests[claimed.indexOf(undefined)];
}

async function look(
  blobs: BlobStore,
  digest: string,
  {
    signal,
    ask = (part) => blobs.stat(part, signal),
  }: {
    readonly signal: AbortSignal | undefined;
    readonly ask?: (part: Digest) => Promise<BlobStat | undefined>;
  },
): Promise<{ readonly closure?: Closure; readonly flaws: readonly Digest[] }> {
  let closure: Closure;
  try {
    closure = await read(blobs, digest, signal);
  } catch (error) {
    const damage = findDamage(error, digest);
    if (!damage) throw error;
    return { flaws: [damage.digest as Digest] };
  }
  const parts = [...closure.blobs];
  const stats = await Promise.all(parts.map(([part]) => ask(part)));
  return {
    closure,
    flaws: parts.filter(([, sizeBytes], i) => stats[i]?.sizeBytes !== sizeBytes).map(([part]) => part),
  };
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
