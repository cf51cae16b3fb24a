import type { Engine, OnProgress } from '../docker/engine.ts';
import type { Level } from '../model/pure/ids.ts';
import type { ImageInputs } from '../model/schema/plan.ts';
import type { IndexEntry } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';

/** An image whose unchanged layers a build may take instead of making them again. */
export interface LayerCache {
  /** What the engine knows it by. */
  readonly reference: string;
  readonly imageHash: string;
  /** Bytes that were fetched for it; 0 when the engine had it. */
  readonly bytesLoaded: number;
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
 * Has the nearest known ancestor of an image in the engine: the newest image of its name that stands on the same parent and
 * bases, from a level that this one may read. So a builder that has never seen the image makes only what changed. Undefined
 * when there is none; one that cannot be had now is told and left out, since a build does without.
 */
export async function bringLayerCache(
  engine: Engine,
  wanted: LayerCacheWanted,
): Promise<LayerCache | undefined> {
  const { hold, onProgress, signal } = wanted;
  const ancestor = await findAncestor(wanted);
  if (!ancestor) return undefined;
  const { imageHash, entry } = ancestor;
  try {
    const { bytesLoaded } = await engine.images.load(entry, { tag: imageHash, hold, signal, onProgress });
    return { reference: `slipway.invalid/image:${imageHash}`, imageHash, bytesLoaded };
  } catch (error) {
    signal.throwIfAborted();
    const { message } = error as Error;
    onProgress({
      message: `the layers of ${imageHash.slice(0, 12)} cannot be had for the cache: ${message}`,
    });
    return undefined;
  }
}

async function findAncestor({
  store,
  domain,
  level,
  name,
  inputs,
}: LayerCacheWanted): Promise<{ readonly imageHash: string; readonly entry: IndexEntry } | undefined> {
  let looked = 0;
  for await (const { key, entry } of store.index.list(domain, level, name)) {
    if (standsOnTheSame(entry.inputs, inputs)) return { imageHash: key.imageHash, entry };
    if (++looked >= LOOK_AT) return undefined;
  }
  return undefined;
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
