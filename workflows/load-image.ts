import type { ImageResolved, LoadedImage, RunInput } from '../model/pure/payloads.ts';
import type { RunnerActivities } from '../activities/contracts.ts';
import { builderActivities, controlActivities } from './activity-proxies.ts';
import { damagedDigest } from './failures.ts';
import { requestImage } from './request-image.ts';

/**
 * Loads a task's image on its runner. One that turns out to be damaged in the store is made whole first, by a build or by
 * bringing its base in again, and the run goes on. Damage is found part by part; the same part a second time is the
 * run's failure.
 */
export async function loadImage(
  runner: Pick<RunnerActivities, 'loadImage'>,
  input: RunInput,
): Promise<LoadedImage> {
  const mended = new Set<string>();
  let { task } = input;
  for (;;) {
    try {
      return await runner.loadImage({ ...input, task });
    } catch (error) {
      const digest = damagedDigest(error);
      if (digest === undefined || mended.has(digest)) throw error;
      mended.add(digest);
      const made = await mend(input, digest);
      if (made === 'in vain') throw error;
      task = { ...task, ...made };
    }
  }
}

/** Gives the image to load now, where it is another one. */
async function mend(
  { task }: RunInput,
  digest: string,
): Promise<{ image?: NonNullable<ImageResolved['stored']> } | 'in vain'> {
  const { level, pushId, plannedAt, label } = task;
  const { blob, image, base, tarball } = await controlActivities(level).examineImage({
    pushId,
    plannedAt,
    digest,
    label,
  });
  if (image) {
    // What may not be removed stays in the index, which must not be believed then.
    const { stored } = await requestImage({ ...image, pushId, plannedAt, force: blob === 'kept' });
    return stored ? { image: stored } : 'in vain';
  }
  // Its image counts as not imported, as long as a part of it is missing. Replay: one that is kept was told so once, and is refused now.
  if (tarball) return blob === 'kept' ? 'in vain' : {};
  if (!base) return 'in vain';
  const { unavailable } = await builderActivities(level, `base ${base.reference}`).importBase(base);
  return unavailable === undefined ? {} : 'in vain';
}
