import type { Engine, LentLayers, OnProgress } from '../docker/engine.ts';
import type { Level } from '../model/pure/ids.ts';
import type { ImageInputs, StoredImage } from '../model/schema/plan.ts';
import type { IndexEntry } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { isWhole } from './image-closure.ts';

/** An image whose unchanged layers a build may take instead of making them again. */
export interface LayerCache {
  readonly imageHash: string;
  readonly image: StoredImage;
  /** Undefined when its layers cannot be had now. */
  readonly layers?: LentLayers | undefined;
  /** Why they cannot. */
  readonly trouble?: string | undefined;
}

export interface LayerCacheWanted {
  readonly name: string;
  readonly inputs: ImageInputs;
  readonly store: Store;
  readonly domain: string;
  readonly level: Level;
  /** By this the engine keeps it while it is built with. */
  readonly hold: string;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

/** So many images of a name are looked at, from the newest on. */
const LOOK_AT = 5;

/**
 * Lends an engine the layers of an image's nearest known ancestor: the newest image of its name that stands on the same parent
 * and bases, from a level that this one may read, and of these the newest that an engine of the same kind has built, since
 * none knows the steps of the other. So a builder that has never seen the image makes only what changed. Undefined when there
 * is none; of one that cannot be had now it is said why, since a build does without.
 */
export async function bringLayerCache(
  engine: Engine,
  wanted: LayerCacheWanted,
): Promise<LayerCache | undefined> {
  const { store, hold, onProgress, signal } = wanted;
  const { imageStore } = await engine.info();
  const ancestor = await findAncestor(wanted, imageStore);
  if (!ancestor) return undefined;
  const { imageHash, entry } = ancestor;
  const earlier = { imageHash, image: entry };
  if (!isOfKind(entry, imageStore))
    return { ...earlier, trouble: 'an engine of another kind built it, whose steps this one does not know' };
  try {
    // Its layers may be fetched in the middle of the build only.
    if (!(await isWhole(store.blobs, entry.manifestDigest, signal)))
      return { ...earlier, trouble: 'parts of it are missing in the store' };
    const layers = await engine.images.lendLayers(entry, { tag: imageHash, hold, signal, onProgress });
    return { ...earlier, layers };
  } catch (error) {
    signal.throwIfAborted();
    return { ...earlier, trouble: (error as Error).message };
  }
}

async function findAncestor(
  { store, domain, level, name, inputs }: LayerCacheWanted,
  imageStore: IndexEntry['builtOn'],
): Promise<{ readonly imageHash: string; readonly entry: IndexEntry } | undefined> {
  let looked = 0;
  let other: { readonly imageHash: string; readonly entry: IndexEntry } | undefined;
  for await (const { key, entry } of store.index.list(domain, level, name)) {
    if (standsOnTheSame(entry.inputs, inputs)) {
      const found = { imageHash: key.imageHash, entry };
      if (isOfKind(entry, imageStore)) return found;
      other ??= found;
    }
    if (++looked >= LOOK_AT) break;
  }
  return other;
}

/** Entries from before it was written down may be of any kind. */
function isOfKind({ builtOn }: IndexEntry, imageStore: IndexEntry['builtOn']): boolean {
  return builtOn === undefined || builtOn === imageStore;
}

/** On another ground no layer is the same. */
function standsOnTheSame(a: ImageInputs, b: ImageInputs): boolean {
  const references = Object.keys(b.bases);
  return (
    a.platform === b.platform &&
    a.parent === b.parent &&
    references.length === Object.keys(a.bases).length &&
    references.every((reference) => a.bases[reference] === b.bases[reference])
  );
}
