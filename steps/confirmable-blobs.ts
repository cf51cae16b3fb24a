import type { Level } from '../model/pure/ids.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import { closureOf } from './image-closure.ts';

/** Images of the same name whose layers a publish may take for known. */
const ANCESTORS = 5;

export interface ConfirmableOf {
  readonly domain: string;
  readonly level: Level;
  readonly name: string;
  /** Manifest digests by reference. */
  readonly bases: Readonly<Record<string, string>>;
  readonly parent: StoredImage | undefined;
  /** The earlier image that the build could take layers of. */
  readonly cache: StoredImage | undefined;
}

/**
 * Blobs that the endpoint may take for known when an image is published: of its parent, its bases, the image whose layers it was lent, and
 * the newest ones of its name that the domain and level may read.
 */
export async function confirmableBlobs(
  store: Pick<Store, 'blobs' | 'index'>,
  { domain, level, name, bases, parent, cache }: ConfirmableOf,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const manifests = new Set<string>(Object.values(bases));
  if (parent) manifests.add(parent.manifestDigest);
  if (cache) manifests.add(cache.manifestDigest);
  let ancestors = 0;
  for await (const { entry } of store.index.list(domain, level, name)) {
    manifests.add(entry.manifestDigest);
    if (++ancestors >= ANCESTORS) break;
  }
  const closures = await Promise.all([...manifests].map((digest) => closureOf(store.blobs, digest, signal)));
  return new Set(closures.flat());
}
