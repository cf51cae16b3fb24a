import { mapConcurrently } from '../model/concurrently.ts';
import type { ImageDigests } from '../model/pure/image-digests.ts';
import { imageTaskId } from '../model/pure/ids.ts';
import type { GraphImage, ImageOutcome } from '../model/pure/payloads.ts';
import type { Plan, PlannedImage } from '../model/schema/plan.ts';
import type { PushImage } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { examineFlaws } from './examine-image.ts';
import { graphImage } from './graph-image.ts';
import type { Recorded } from './recorded-image.ts';
import { findRecordedImage, recordedDigest } from './recorded-image.ts';

export interface RoundBefore {
  /** How the images of the push ended. */
  readonly images: readonly PushImage[];
  /** Labels of the tasks that run again. */
  readonly labels: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/**
 * The images of a plan for tasks that run again: the very ones that the push recorded, as long as they are whole in the store. What it
 * has none of, or no whole one, is asked for once more at the push's own level: the index has it, also from a higher one, or it is
 * built. What is damaged is removed, so that it can be written again. Safe to repeat.
 */
export async function imagesAgain(
  store: Store,
  plan: Plan,
  { images, labels, signal }: RoundBefore,
): Promise<readonly GraphImage[]> {
  const before = new Map(images.map((image) => [image.name, image]));
  const recordOf = (planned: PlannedImage): Recorded => ({ planned, recorded: before.get(planned.name) });
  const find = (image: PlannedImage): Promise<ImageDigests | undefined> =>
    findRecordedImage(store.blobs, recordOf(image), signal);
  const findWhole = async (image: PlannedImage): Promise<ImageDigests | undefined> => {
    const manifestDigest = recordedDigest(recordOf(image));
    if (manifestDigest === undefined) return undefined;
    return (await examineFlaws(store.blobs, { manifestDigest }, signal)) ? find(image) : undefined;
  };
  const needed = await findNeeded(plan, { labels, find: findWhole });
  await markUsed(store, plan, needed);
  // Of what no task needs by now nobody has to know whether it is whole: whoever loads it later finds out.
  return mapConcurrently(plan.images, async (image) =>
    imageAgain(image, plan, {
      before: before.get(image.name),
      isNeeded: needed.has(image.name),
      stored: needed.has(image.name) ? needed.get(image.name) : await find(image),
    }),
  );
}

/**
 * In-tree images of the tasks that run again, and where one has to be asked for its parents too, as far as the plan needed them: the
 * build of an image asks for others. By name, with what `find` gives.
 */
async function findNeeded(
  { tasks, images }: Plan,
  {
    labels,
    find,
  }: {
    readonly labels: ReadonlySet<string>;
    readonly find: (image: PlannedImage) => Promise<ImageDigests | undefined>;
  },
): Promise<ReadonlyMap<string, ImageDigests | undefined>> {
  const needed = new Map<string, ImageDigests | undefined>();
  const ofTasks = tasks.flatMap(({ label, image }) =>
    image.type === 'in-tree' && labels.has(label) ? [image.name] : [],
  );
  for (let names = new Set(ofTasks); names.size > 0;) {
    const looked = images.filter(({ name }) => names.has(name) && !needed.has(name));
    const parents = new Set<string>();
    await mapConcurrently(looked, async (image) => {
      const found = await find(image);
      needed.set(image.name, found);
      if (!found && image.parent !== null) parents.add(image.parent);
    });
    names = parents;
  }
  for (const { name, action } of images) if (action === 'not-needed') needed.delete(name);
  return needed;
}

/** Who takes the recorded one does not ask the index, where it lives on all the same. */
async function markUsed(
  { index }: Pick<Store, 'index'>,
  { domain, level, images }: Plan,
  needed: ReadonlyMap<string, ImageDigests | undefined>,
): Promise<void> {
  const used = images.flatMap(({ name, imageHash }) =>
    imageHash !== null && needed.get(name) ? [{ name, imageHash }] : [],
  );
  await index.use({ domain, level, images: used, bases: [] });
}

function imageAgain(
  image: PlannedImage,
  { domain, level }: Pick<Plan, 'domain' | 'level'>,
  {
    before,
    isNeeded,
    stored,
  }: {
    readonly before: PushImage | undefined;
    readonly isNeeded: boolean;
    readonly stored: ImageDigests | undefined;
  },
): GraphImage {
  const { stored: _planned, ...wanted } = graphImage(image);
  const { name, imageHash } = image;
  const outcome = before && outcomeOf(before);
  return {
    ...wanted,
    ...(imageHash === null ? {} : { taskId: imageTaskId({ domain, level, name, imageHash }) }),
    action: !isNeeded ? 'keep' : stored ? 'reuse' : 'build',
    ...(stored ? { stored } : {}),
    force: wanted.force && before?.outcome !== 'built',
    ...(outcome ? { before: outcome } : {}),
  };
}

function outcomeOf({ name, outcome, bytesUploaded, manifestDigest, detail }: PushImage): ImageOutcome {
  return {
    name,
    outcome,
    bytesUploaded,
    ...(manifestDigest === undefined ? {} : { manifestDigest }),
    ...(detail === undefined ? {} : { detail }),
  };
}
