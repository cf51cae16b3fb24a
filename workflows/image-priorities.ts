import type { GraphTask } from '../model/pure/graph-pages.ts';
import type { GraphImage } from '../model/pure/payloads.ts';

/** By the names of images: the priority key of the most urgent task that runs in it, or in one that is built on it. */
export function imagePriorities(
  images: readonly Pick<GraphImage, 'name' | 'parent'>[],
  tasks: readonly Pick<GraphTask, 'image' | 'priority'>[],
): ReadonlyMap<string, number> {
  const keys = new Map<string, number>();
  const need = (name: string, key: number): void => void keys.set(name, Math.min(key, keys.get(name) ?? key));
  for (const { image, priority } of tasks) if (image !== undefined) need(image, priority);
  // Parents come before children in a plan.
  for (const { name, parent } of images.toReversed()) {
    const key = keys.get(name);
    if (parent !== undefined && key !== undefined) need(parent, key);
  }
  return keys;
}
