import { IMAGE_TARBALL } from '../model/pure/artifact-names.ts';
import type { Plan, PlannedImage } from '../model/schema/plan.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { storeTarball } from './image-tarball.ts';
import { TARBALL_MISSING } from './look-up-image.ts';
import type { MissingTarball } from './look-up-image.ts';
import type { StepContext } from './step-context.ts';
import { expectNotGivenUp } from './step-context.ts';
import { whyInShort } from './why-words.ts';

/** For all of a push: its tasks wait, and the next one goes on. */
const PATIENCE_MS = 600_000;

/**
 * Stores the tarballs of images that a plan found, built when nobody asked for that; what came of it stands in the plan that this
 * gives. No push fails for one. Safe to repeat: those that are stored by then are missing no more.
 */
export async function storeTarballs(
  store: Store,
  plan: Plan,
  missing: readonly MissingTarball[],
  context: StepContext,
  patienceMs = PATIENCE_MS,
): Promise<Plan> {
  const notes = new Map<string, string>();
  const patience = AbortSignal.timeout(patienceMs);
  for (const tarball of missing) {
    const planned = plan.images.find(({ name }) => name === tarball.name);
    if (planned?.action !== 'reuse') continue;
    notes.set(tarball.name, await tryToStore(store, tarball, context, patience));
  }
  return { ...plan, images: plan.images.map((image) => withNote(image, notes.get(image.name))) };
}

/** Gives what came of it, in words. */
async function tryToStore(
  store: Store,
  { name, taskId, run, stored }: MissingTarball,
  context: StepContext,
  patience: AbortSignal,
): Promise<string> {
  context.onProgress({ message: `storing the tarball of image ${name}`, bytes: stored.sizeBytes });
  try {
    patience.throwIfAborted();
    const signal = AbortSignal.any([context.signal, patience]);
    const record = await storeTarball(store, { taskId, run }, stored, signal);
    await addToRecord(store, { taskId, run, record }, context);
    return 'its tarball is stored now, as it was not when it was built';
  } catch (error) {
    context.signal.throwIfAborted();
    const why = patience.aborted ? 'it takes too long' : (error as Error).message;
    return `its tarball is not stored: ${why}; the next push tries again`;
  }
}

/** Where those look who list the artifacts of the build. */
async function addToRecord(
  { tasks }: Store,
  { taskId, run, record }: { readonly taskId: string; readonly run: number; readonly record: ArtifactRecord },
  context: StepContext,
): Promise<void> {
  const known = await tasks.find(taskId);
  if (!known) return;
  await tasks.change(taskId, (present = known) => {
    expectNotGivenUp(context);
    const runs = present.runs.map((one) =>
      one.run !== run || one.artifacts.some(({ name }) => name === IMAGE_TARBALL)
        ? one
        : { ...one, artifacts: [...one.artifacts, record] },
    );
    return { ...present, runs };
  });
}

function withNote(image: PlannedImage, note: string | undefined): PlannedImage {
  const { explanation } = image;
  if (note === undefined || !explanation) return image;
  const notes = [...explanation.notes.filter((one) => one !== TARBALL_MISSING), note];
  const said = { ...explanation, notes };
  return { ...image, explanation: said, why: whyInShort(said) };
}
