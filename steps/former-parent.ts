import type { IndexEntry } from '../model/schema/records.ts';

/**
 * Whether an image stands on a build of its parent that has been replaced since on purpose: its rebuild was asked for, or due. One
 * of another level that is merely another build of the same content is no reason. Of entries that do not say what they stand on
 * nobody knows: they stay.
 */
export function standsOnFormer({ ground }: IndexEntry, parent: IndexEntry): boolean {
  return (
    ground !== undefined &&
    parent.renewed !== undefined &&
    parent.manifestDigest !== ground.manifestDigest &&
    Date.parse(parent.renewed) > Date.parse(ground.chosen)
  );
}
