import type { Removable } from './removable.ts';

/** Removes of what nobody uses that which was unused for longest, for as long as room is short; gives what is gone. */
export async function removeByUse(
  all: readonly Removable[],
  isShort: () => Promise<boolean>,
): Promise<readonly Removable[]> {
  const removed: Removable[] = [];
  const unused = all.filter(({ mayGo }) => mayGo);
  for (const one of unused.toSorted((a, b) => a.lastUsedMs - b.lastUsedMs)) {
    if (!(await isShort())) break;
    if (await one.remove()) removed.push(one);
  }
  return removed;
}
