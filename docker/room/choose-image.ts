export interface Layer {
  /** Images that share it have the same key. */
  readonly key: string;
  readonly bytes: number;
}

/** What the choice knows about an image. */
export interface Choosable {
  readonly layers: readonly Layer[];
  readonly lastUsedMs: number;
  /** What it takes to have it again. */
  readonly secondsToGetBack: number;
  /** Nobody uses, holds, builds or loads it. */
  readonly mayGo: boolean;
}

/**
 * The image to remove next so that they take less than a limit: the longer unused, the more it frees and the quicker it is had
 * again, the sooner it goes. Undefined when they are within the limit, or none may go.
 */
export function chooseImage<T extends Choosable>(
  images: readonly T[],
  { limitBytes, nowMs }: { readonly limitBytes: number; readonly nowMs: number },
): T | undefined {
  if (takenBytes(images) <= limitBytes) return undefined;
  const owners = countOwners(images);
  let best: { readonly image: T; readonly weight: number } | undefined;
  for (const image of images.filter(({ mayGo }) => mayGo)) {
    const unusedSeconds = 1 + Math.max(0, nowMs - image.lastUsedMs) / 1000;
    // What shares all of its layers frees nothing alone; it goes last, so that the others that share them can go after it.
    const weight = (unusedSeconds * (1 + ownBytes(image, owners))) / Math.max(1, image.secondsToGetBack);
    const isBetter = !best || weight > best.weight;
    if (isBetter || (weight === best?.weight && image.lastUsedMs < best.image.lastUsedMs))
      best = { image, weight };
  }
  return best?.image;
}

/** What images take together: layers that they share count once. */
export function takenBytes(images: readonly Pick<Choosable, 'layers'>[]): number {
  const layers = new Map<string, number>();
  for (const image of images)
    for (const { key, bytes } of image.layers) layers.set(key, Math.max(bytes, layers.get(key) ?? 0));
  return [...layers.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** How many images have each layer. */
function countOwners(images: readonly Choosable[]): ReadonlyMap<string, number> {
  const owners = new Map<string, number>();
  for (const { layers } of images)
    for (const key of new Set(layers.map((layer) => layer.key))) owners.set(key, (owners.get(key) ?? 0) + 1);
  return owners;
}

/** Of the layers that no other image has. */
function ownBytes({ layers }: Choosable, owners: ReadonlyMap<string, number>): number {
  return layers.reduce((sum, { key, bytes }) => (owners.get(key) === 1 ? sum + bytes : sum), 0);
}
