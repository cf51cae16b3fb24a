import { statfs } from 'node:fs/promises';
import type { DiskBudget } from '../../model/disk-budget.ts';
import { parseDiskBudget } from '../../model/disk-budget.ts';

/** What of its disk an engine gets where nothing else is said: those of tasks, and each of those that builders build in. */
export const DEFAULT_SHARE = { tasks: 0.4, builds: 0.2 } as const;

export interface EngineDisk {
  /** Of the engine, or of the one that it is a container of. */
  readonly address: string;
  /** Where that one keeps its data. */
  readonly rootDirectory: string;
}

export interface DiskSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** Stays free of a disk: a hundredth of it, but no more than this. */
const LEAST_FREE_BYTES = 1_000_000_000;
const LEAST_FREE_SHARE = 0.01;

/** What of a disk has to be free before anything new is begun on it. */
export function leastFreeBytes({ totalBytes }: Pick<DiskSpace, 'totalBytes'>): number {
  return Math.min(LEAST_FREE_BYTES, LEAST_FREE_SHARE * totalBytes);
}

export function hasLeastFree(disk: DiskSpace): boolean {
  return disk.freeBytes >= leastFreeBytes(disk);
}

/** The disk that an engine of this machine writes on; undefined for one whose files are not here. */
export async function diskOfEngine({ address, rootDirectory }: EngineDisk): Promise<DiskSpace | undefined> {
  if (!address.startsWith('unix:')) return undefined;
  try {
    const { blocks, bavail, bsize } = await statfs(rootDirectory);
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  } catch {
    // In a virtual machine there is no such directory here.
    return undefined;
  }
}

/** Of an engine, in bytes. `unknown`: it is a share of a disk that cannot be seen. Undefined: no limit. */
export type EngineBudget = number | 'unknown' | undefined;

/** What Slipway may take in an engine, by the setting. */
export async function budgetOfEngine(
  setting: string | undefined,
  what: keyof typeof DEFAULT_SHARE,
  disk: EngineDisk,
): Promise<EngineBudget> {
  const budget: DiskBudget = (setting === undefined ? undefined : parseDiskBudget(setting)) ?? {
    kind: 'share',
    share: DEFAULT_SHARE[what],
  };
  switch (budget.kind) {
    case 'none':
      return undefined;
    case 'bytes':
      return budget.bytes;
    case 'share': {
      const found = await diskOfEngine(disk);
      return found ? Math.floor(found.totalBytes * budget.share) : 'unknown';
    }
  }
}
