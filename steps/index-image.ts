import { computeImageHash, RECIPE } from '../images/image-hash.ts';
import type { Digest, ImageCoordinates } from '../model/pure/ids.ts';
import { imageTaskId, parseId } from '../model/pure/ids.ts';
import type { ImportBaseInput } from '../model/pure/base-payloads.ts';
import type { FoundImage, ImageInput, RecordImageInput } from '../model/pure/payloads.ts';
import type { TaskReason } from '../model/pure/states.ts';
import type { PlannedImage, StoredImage } from '../model/schema/plan.ts';
import type { ArtifactRecord, IndexEntry, RunRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { examineFlaws } from './examine-image.ts';
import { claimClosure } from './image-closure.ts';
import { CONTEXT_LIST, IMAGE_TARBALL } from '../model/pure/artifact-names.ts';
import type { PlanCache } from './plan-cache.ts';
import type { EndLogContext } from './run-log.ts';
import { endLog } from './run-log.ts';
import type { StepContext } from './step-context.ts';
import { expectNotGivenUp } from './step-context.ts';

export interface IndexDeps {
  readonly store: Store;
  readonly plans: PlanCache;
}

/**
 * First step of an image's workflow: the index may know the image by now; else what a build of it needs. An image, parent or
 * base that is not whole counts as none; what is damaged of it is removed, so that it can be written again. Safe to repeat:
 * it removes only what it has read and found wrong.
 */
export async function findImage(
  { store, plans }: IndexDeps,
  input: ImageInput & { readonly force: boolean },
  { signal }: Pick<StepContext, 'signal'>,
): Promise<FoundImage> {
  const id = imageCoordinates(input.taskId);
  const nextRun = await nextRunOf(store, input.taskId);
  const isSound = (image: StoredImage): Promise<boolean> => examineFlaws(store.blobs, image, signal);
  const found = input.force ? undefined : await store.index.find(id, id.level, isSound);
  if (found) {
    await store.index.use({ ...id, images: [id], bases: [] });
    const { manifestDigest, configDigest, diffIds, sizeBytes } = found.entry;
    return { stored: { manifestDigest, configDigest, diffIds, sizeBytes }, nextRun };
  }
  const planned = await plans.image(input.pushId, input.plannedAt, input.name);
  const damagedBases = await findDamagedBases(store, planned, id, isSound);
  const known = { nextRun, ...(damagedBases.length > 0 ? { damagedBases } : {}) };
  if (planned.parent === null) return known;
  const parent = await plans.image(input.pushId, input.plannedAt, planned.parent);
  const { name, imageHash, force } = parent;
  if (parent.stored && (await isSound(parent.stored)))
    return { ...known, parent: { taskId: parent.taskId, name, stored: parent.stored } };
  // Made by whichever level: it is made again at ours.
  const taskId = imageTaskId({ ...id, name, imageHash: imageHash ?? 'unknown' });
  return { ...known, parent: { taskId, name, ...(force ? { force } : {}) } };
}

/** The number of the next build of an image, or of the one that has no record yet; where the record is damaged, one that no build has had. */
export async function nextRunOf(store: Store, taskId: string): Promise<number> {
  return ((await store.tasks.findUsable(taskId))?.runs.at(-1)?.run ?? -1) + 1;
}

async function findDamagedBases(
  store: Store,
  { inputs: { platform, bases }, baseImages = {} }: PlannedImage,
  { domain, level }: ImageCoordinates,
  isSound: (image: StoredImage) => Promise<boolean>,
): Promise<readonly ImportBaseInput[]> {
  const damaged: ImportBaseInput[] = [];
  for (const [reference, digest] of Object.entries(bases)) {
    const isPlanned = (base: StoredImage): Promise<boolean> =>
      Promise.resolve(base.manifestDigest === digest);
    const record =
      baseImages[reference] ??
      (await store.index.findBase(domain, platform, reference, level, isPlanned, { alsoRetired: true }));
    if (record && !(await isSound(record))) damaged.push({ domain, level, platform, reference });
  }
  return damaged;
}

/**
 * Last step of an image's workflow: reads the manifest back, writes the index entry, and only then the record that
 * says it is built. For a failure it writes the record only. Safe to repeat, also late: a run that has its end keeps it.
 */
export async function recordImage(
  { store, plans }: IndexDeps,
  input: RecordImageInput,
  context: EndLogContext = {},
): Promise<void> {
  const id = imageCoordinates(input.taskId);
  const planned = await plans.image(input.pushId, input.plannedAt, input.name);
  const now = new Date().toISOString();
  if (input.built) {
    const { stored, imageStore, parentDigest } = input.built;
    await claimClosure(store.blobs, stored.manifestDigest);
    const renewed = await renewedAt(store, id, { input, fresh: input.built.fresh === true, now });
    const entry = {
      version: 1 as const,
      ...stored,
      taskId: input.taskId,
      run: input.run,
      created: now,
      ...(imageStore ? { builtOn: imageStore } : {}),
      inputs: planned.inputs,
      ...(computeImageHash(planned.inputs) === id.imageHash ? { recipe: RECIPE } : {}),
      ...(renewed === undefined ? {} : { renewed }),
      ...(parentDigest ? { ground: await groundOf({ store, plans }, { input, planned, parentDigest }) } : {}),
    };
    expectNotGivenUp(context);
    await store.index.write(id, id.level, entry);
  }
  const message = `Image ${input.name}: ${input.reason}${input.detail ? `: ${input.detail}` : ''}`;
  const log = await endLog(store, input, { message, kind: input.built ? 'info' : 'error' }, context);
  const others = await Promise.all(
    [CONTEXT_LIST, IMAGE_TARBALL].map((name) => store.artifacts.find(input.taskId, input.run, name)),
  );
  const artifacts = [log, ...others].filter((artifact) => artifact !== undefined);
  const run = runRecord(input, now, artifacts);
  const reason = taskReason(input);
  await store.tasks.change(input.taskId, (present) => {
    expectNotGivenUp(context);
    if (present?.runs.some((other) => other.run >= input.run)) return present;
    return {
      version: 1,
      taskId: input.taskId,
      label: `image ${input.name}`,
      pushId: input.pushId,
      image: input.name,
      state: run.state,
      reason,
      ...(input.detail ? { detail: input.detail } : {}),
      ...(input.culprit ? { culprit: input.culprit } : {}),
      created: present?.created ?? input.built?.started ?? now,
      resolved: now,
      runs: [...(present?.runs ?? []), run],
    };
  });
}

/**
 * When the image was last renewed on purpose. A first build of its content renews nothing, and one in place of a damaged image
 * leaves what was known: nobody shall be built again for that.
 */
async function renewedAt(
  { index }: Pick<Store, 'index'>,
  id: ImageCoordinates,
  {
    input: { taskId, run },
    fresh,
    now,
  }: { readonly input: RecordImageInput; readonly fresh: boolean; readonly now: string },
): Promise<string | undefined> {
  const former = (await index.find(id, id.level))?.entry;
  const isOwn = former?.taskId === taskId && former.run === run;
  return former && fresh && !isOwn ? now : former?.renewed;
}

/**
 * On which build of its parent an image stands, and since when that is the newest. One that was renewed by the very push, and so after
 * its plan, is no newer than itself: in its place, should it be damaged, another one may come.
 */
async function groundOf(
  { store, plans }: IndexDeps,
  {
    input: { taskId, pushId, plannedAt },
    planned: { parent },
    parentDigest,
  }: { readonly input: RecordImageInput; readonly planned: PlannedImage; readonly parentDigest: Digest },
): Promise<NonNullable<IndexEntry['ground']>> {
  const id = imageCoordinates(taskId);
  const name = parent ?? '';
  const { imageHash } = await plans.image(pushId, plannedAt, name);
  const found = imageHash === null ? undefined : await store.index.find({ ...id, name, imageHash }, id.level);
  const { manifestDigest, renewed } = found?.entry ?? {};
  const isNewer = renewed !== undefined && Date.parse(renewed) > Date.parse(plannedAt);
  return {
    manifestDigest: parentDigest,
    chosen: manifestDigest === parentDigest && isNewer ? renewed : plannedAt,
  };
}

function runRecord(input: RecordImageInput, now: string, artifacts: ArtifactRecord[]): RunRecord {
  const { built, run } = input;
  return {
    run,
    state: built ? 'completed' : input.reason === 'image-build-failed' ? 'failed' : 'exception',
    reason: taskReason(input),
    ...(input.detail ? { detail: input.detail } : {}),
    ...(built
      ? {
          worker: built.worker,
          engineId: built.engineId,
          started: built.started,
          bytesUploaded: built.bytesUploaded,
          steps: built.steps,
          cachedSteps: built.cachedSteps,
          ...(built.cacheMounts ? { cacheMounts: built.cacheMounts } : {}),
          ...(built.fellBack ? { fellBack: built.fellBack } : {}),
          ...(built.cacheTrouble ? { cacheTrouble: built.cacheTrouble } : {}),
        }
      : {}),
    ...(built
      ? { manifestDigest: built.stored.manifestDigest, configDigest: built.stored.configDigest }
      : {}),
    resolved: now,
    phases: built?.phases ?? {},
    artifacts,
  };
}

function taskReason({ reason }: RecordImageInput): TaskReason {
  return reason === 'built' || reason === 'reused' ? 'completed' : reason;
}

function imageCoordinates(taskId: string): ImageCoordinates {
  const id = parseId(taskId);
  if (id?.kind !== 'image') throw new TypeError(`Not the id of an image: ${taskId}`);
  return id;
}
