import type { Removable } from './removable.ts';
import type { RemovedKept } from './remove-kept.ts';
import { isUseName } from './use-names.ts';

/** What was removed from an engine so that there is room, and why. */
export interface MadeRoom {
  readonly why: 'over the budget' | 'for what comes' | 'the disk is full';
  readonly removed: readonly {
    readonly what: (Removable | RemovedKept)['what'];
    readonly id: string;
    readonly names: readonly string[];
    /** 0 of a cache whose size was not known. */
    readonly bytes: number;
    readonly lastUsed: string;
  }[];
  /** By images, caches of tasks, kept containers and build cache, as far as that is known. */
  readonly freedBytes: number;
  readonly takenBytes: number;
  readonly budgetBytes?: number | undefined;
}

/** One part of it. */
export type Removed = Pick<MadeRoom, 'removed' | 'freedBytes'>;

/** Under the names by which people know it. */
export function reported({
  what,
  id,
  names,
  bytes,
  lastUsedMs,
}: Removable | RemovedKept): MadeRoom['removed'][number] {
  const lastUsed = new Date(lastUsedMs).toISOString();
  return { what, id, names: names.filter((name) => !isUseName(name)), bytes, lastUsed };
}
