import type { DescribedImage } from '../images/describe-images.ts';
import type { BasesOfPush } from '../model/pure/base-payloads.ts';
import { platformBaseKey } from '../model/pure/base-payloads.ts';
import type { PlannedImage } from '../model/schema/plan.ts';
import { lookUpImage } from './look-up-image.ts';
import type { LookedUp, LookUpDeps } from './look-up-image.ts';

/** Looks images up, parents first: what is known of each, and why it is built. */
export async function planImages(
  described: readonly DescribedImage[],
  deps: LookUpDeps & Partial<BasesOfPush>,
): Promise<PlannedImage[]> {
  const planned = new Map<string, PlannedImage>();
  const lookups = new Map<string, Promise<LookedUp>>();
  // Side by side, but each after its parent: parents come first in `described`.
  for (const image of described) {
    const parent = lookups.get(image.definition.parent ?? '');
    const lookUp = async (): Promise<LookedUp> => lookUpImage(deps, image, await parent);
    lookups.set(image.name, lookUp());
  }
  const found = await Promise.all(lookups.values());
  for (const [at, image] of described.entries()) {
    const looked = found[at]?.image;
    const parent = planned.get(image.definition.parent ?? '');
    if (looked) planned.set(image.name, { ...looked, ...blame(image, parent, deps) });
  }
  return [...planned.values()];
}

/** Why an image cannot be built at all: a base of its own, or its parent. */
function blame(
  image: DescribedImage,
  parent: PlannedImage | undefined,
  { unavailableBases = {}, troubledBases = [] }: Partial<BasesOfPush>,
): Pick<PlannedImage, 'unavailable' | 'troubled' | 'culprit'> {
  const { platform } = image.inputs;
  for (const reference of image.missingBases) {
    const key = platformBaseKey({ platform, reference });
    const reason = unavailableBases[key];
    if (reason === undefined) continue;
    const base = `Base image "${reference}"`;
    return troubledBases.includes(key)
      ? { unavailable: `${base} could not be brought into the store: ${reason}`, troubled: true }
      : { unavailable: `${base} cannot be had: ${reason}` };
  }
  if (parent?.unavailable === undefined) return {};
  return { unavailable: parent.unavailable, culprit: parent.culprit ?? parent.taskId };
}
