import type { Digest } from '../../model/pure/ids.ts';

/**
 * The layers of an image that an engine need not be sent which has an image of these others. A classic engine knows a layer by the
 * chain below it, so that only the beginning counts that both have.
 */
export function commonLayers(diffIds: readonly Digest[], others: readonly string[]): ReadonlySet<Digest> {
  return chainOnly(diffIds, commonLength(diffIds, others));
}

/** How many layers two images have in common, from the lowest on. */
export function commonLength(diffIds: readonly Digest[], others: readonly string[]): number {
  const differs = diffIds.findIndex((diffId, at) => others[at] !== diffId);
  return differs === -1 ? diffIds.length : differs;
}

/** A layer that comes again above the beginning lies on another chain there, so that its file is needed. */
export function chainOnly(diffIds: readonly Digest[], length: number): ReadonlySet<Digest> {
  const above = new Set(diffIds.slice(length));
  return new Set(diffIds.slice(0, length).filter((diffId) => !above.has(diffId)));
}
