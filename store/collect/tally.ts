/** What the collector tells apart. */
export const KINDS = [
  'pushes',
  'tasks',
  'artifacts',
  'log chunks',
  'images',
  'bases',
  'cache mounts',
  'layers',
  'holders',
  'uploads',
  'leases',
  'blobs',
] as const;
export type Kind = (typeof KINDS)[number];

export interface Sum {
  objects: number;
  bytes: number;
}

export interface KindSums {
  readonly kept: Sum;
  readonly freed: Sum;
  /** Why, in a few words. */
  readonly why: Record<string, Sum>;
}

/** Objects named in a report; there may be thousands. */
const NAMED = 20;

/** Counts what a collection has kept and freed, and why; flat, however much that is. */
export class Tally {
  readonly kinds = new Map<Kind, KindSums>();
  /** Records that cannot be read, so that nobody knows what they reach: the first of them. */
  readonly damaged: string[] = [];
  damagedCount = 0;

  keep(kind: Kind, sizeBytes: number, why?: string): void {
    this.#count(kind, 'kept', sizeBytes, why && `kept: ${why}`);
  }

  free(kind: Kind, sizeBytes: number, why: string): void {
    this.#count(kind, 'freed', sizeBytes, `freed: ${why}`);
  }

  cannotRead(what: string): void {
    this.damagedCount += 1;
    if (this.damaged.length < NAMED) this.damaged.push(what);
  }

  #count(kind: Kind, side: 'kept' | 'freed', sizeBytes: number, why: string | undefined): void {
    const sums = this.kinds.get(kind) ?? { kept: nothing(), freed: nothing(), why: {} };
    this.kinds.set(kind, sums);
    add(sums[side], sizeBytes);
    if (why !== undefined) add((sums.why[why] ??= nothing()), sizeBytes);
  }
}

function nothing(): Sum {
  return { objects: 0, bytes: 0 };
}

function add(sum: Sum, bytes: number): void {
  sum.objects += 1;
  sum.bytes += bytes;
}
