import { ImageUnavailable } from '../model/errors.ts';
import { imageTaskId } from '../model/pure/ids.ts';
import type { Digest } from '../model/pure/ids.ts';
import type { ExaminedImage, ExamineImageInput } from '../model/pure/payloads.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { Blobs, Store } from '../store/store.ts';
import { findFlaws } from './image-closure.ts';
import type { PlanCache } from './plan-cache.ts';
import type { StepContext } from './step-context.ts';
import type { TarballImage } from './task-tarball.ts';
import { howBuiltAgain, whereFrom } from './task-tarball.ts';

/**
 * Reads a blob that somebody found missing or wrong, and takes it away when it is wrong indeed: a blob is written only where
 * none is. Says what makes the task's image whole again. Runs on control workers, so that nothing goes by a runner's word
 * alone. Safe to repeat: what is whole stays.
 * @throws {ImageUnavailable} when that has to be somebody who may take the blob away, which our keys may not.
 */
export async function examineImage(
  { store, plans, platform }: { readonly store: Store; readonly plans: PlanCache; readonly platform: string },
  { pushId, plannedAt, digest, label }: ExamineImageInput,
  { signal }: Pick<StepContext, 'signal'>,
): Promise<ExaminedImage> {
  const blob = await store.blobs.examine(digest as Digest, signal);
  if (label === undefined) return { blob };
  const { domain, level } = await plans.plan(pushId, plannedAt);
  const { image } = await plans.task(pushId, plannedAt, label);
  if (image.type === 'docker-image')
    return { blob, base: { domain, level, platform, reference: image.name } };
  if (image.type !== 'in-tree') {
    if (blob === 'kept') throw unmendable(image, { digest, label });
    return { blob, tarball: true };
  }
  const { name, imageHash } = await plans.image(pushId, plannedAt, image.name);
  return {
    blob,
    image: { taskId: imageTaskId({ domain, level, name, imageHash: imageHash ?? 'unknown' }), name },
  };
}

/** What a tarball has brought is written again only where it is gone. */
function unmendable(
  image: TarballImage,
  { digest, label }: { readonly digest: string; readonly label: string },
): ImageUnavailable {
  const next = howBuiltAgain(image) ?? `Run the task again (slipway rerun ${label})`;
  return new ImageUnavailable(
    whereFrom(image),
    `blob ${digest} of it has other bytes than its name says, and the keys of this level may not take it away. Whoever keeps the store has to do that first. ${next}`,
  );
}

/** Whether a stored image is whole as far as can be seen; the parts that are not are examined, and so removed when they are wrong. */
export async function examineFlaws(
  blobs: Blobs,
  { manifestDigest }: Pick<StoredImage, 'manifestDigest'>,
  signal: AbortSignal,
): Promise<boolean> {
  const flaws = await findFlaws(blobs, manifestDigest, signal);
  for (const flaw of flaws) await blobs.examine(flaw, signal);
  return flaws.length === 0;
}
