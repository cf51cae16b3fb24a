import type { Engine, LentLayers, OnProgress } from '../docker/engine.ts';
import { isSlipwayError } from '../model/errors.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import { isWhole } from './image-closure.ts';
import type { Ancestor, AncestorsWanted } from './nearest-ancestors.ts';
import { AncestorSearch, NEARNESS } from './nearest-ancestors.ts';

/** An image whose unchanged layers a build may take instead of making them again. */
export interface LayerCache {
  readonly imageHash: string;
  readonly image: StoredImage;
  /** Undefined when its layers cannot be had now. */
  readonly layers?: LentLayers | undefined;
  /** Why they cannot. */
  readonly trouble?: string | undefined;
  /** It begins with other layers than the build: that nothing of it can be used is no fault of anything. */
  readonly isOnOtherGround?: true | undefined;
}

export interface LayerCacheWanted extends AncestorsWanted {
  readonly store: Store;
  /** By this the engine keeps it while it is built with. */
  readonly hold: string;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

/** So many images that are damaged are passed over. */
const PASSED_OVER = 5;

/**
 * Lends an engine the layers of an image's nearest known ancestor (see {@link AncestorSearch}): so a builder that has never seen the image makes
 * only what changed, from the first step that did. One that is damaged is passed over. Undefined when no image of the name is known;
 * of those that cannot be had, or are of no use here, it is said why of the nearest, since a build does without.
 */
export async function bringLayerCache(
  engine: Engine,
  wanted: LayerCacheWanted,
): Promise<LayerCache | undefined> {
  const { imageStore } = await engine.info();
  const search = new AncestorSearch(wanted, imageStore);
  let damaged: LayerCache | undefined;
  let passedOver = 0;
  for await (const ancestor of search.nearestFirst()) {
    const { isDamaged, ...cache } = await bring(engine, ancestor, wanted);
    if (!isDamaged) return cache;
    damaged ??= cache;
    if (++passedOver >= PASSED_OVER) break;
  }
  return damaged ?? whyNone(search);
}

async function bring(
  engine: Engine,
  { imageHash, entry, nearness }: Ancestor,
  { store, hold, onProgress, signal }: LayerCacheWanted,
): Promise<LayerCache & { readonly isDamaged?: true }> {
  const cache = {
    imageHash,
    image: entry,
    ...(nearness === NEARNESS.inPart ? { isOnOtherGround: true as const } : {}),
  };
  try {
    // Its layers may be fetched in the middle of the build only.
    if (!(await isWhole(store.blobs, entry.manifestDigest, signal)))
      return { ...cache, trouble: 'parts of it are missing in the store', isDamaged: true };
    const layers = await engine.images.lendLayers(entry, { tag: imageHash, hold, signal, onProgress });
    return { ...cache, layers };
  } catch (error) {
    signal.throwIfAborted();
    const isDamaged = isSlipwayError(error) && error.type === 'ImageDamaged';
    return { ...cache, trouble: (error as Error).message, ...(isDamaged ? { isDamaged } : {}) };
  }
}

function whyNone({ ofOtherKind, looked }: AncestorSearch): LayerCache | undefined {
  if (ofOtherKind) {
    const { imageHash, entry: image } = ofOtherKind;
    const trouble = 'an engine of another kind built it, whose steps this one does not know';
    return { imageHash, image, trouble };
  }
  const [newest] = looked;
  if (!newest) return undefined;
  const { imageHash, entry: image } = newest;
  const all = looked.length === 1 ? '' : `, as do all ${looked.length} images that were looked at`;
  const trouble = `it stands on another parent or base${all}`;
  return { imageHash, image, trouble, isOnOtherGround: true };
}

/** What the record of a build says of layers that could not be had. */
export function troubleOf(
  cache: Pick<LayerCache, 'trouble' | 'isOnOtherGround'> | undefined,
): string | undefined {
  return cache?.isOnOtherGround ? undefined : cache?.trouble;
}
