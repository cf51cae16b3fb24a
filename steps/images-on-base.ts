import type { Level } from '../model/pure/ids.ts';
import type { IndexEntry } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';

/**
 * Names of the images whose newest build stands on another resolution of a base than this one, itself or by its parents: the
 * next push that needs one builds it.
 */
export async function imagesOnBase(
  store: Pick<Store, 'index'>,
  base: {
    readonly domain: string;
    readonly level: Level;
    readonly platform: string;
    readonly reference: string;
    readonly digest: string;
  },
): Promise<readonly string[]> {
  const { domain, level, platform, reference, digest } = base;
  const newest = await store.index.newestOfEachName(domain, level);
  const touched = new Map<string, string>();
  const isOn = ({ inputs }: IndexEntry): boolean => {
    const used = inputs.platform === platform ? inputs.bases[reference] : undefined;
    const onParent = inputs.parent !== null && [...touched.values()].includes(inputs.parent);
    return (used !== undefined && used !== digest) || onParent;
  };
  for (let before = -1; before !== touched.size;) {
    before = touched.size;
    for (const { key, entry } of newest) if (isOn(entry)) touched.set(key.name, key.imageHash);
  }
  return [...touched.keys()].sort();
}
