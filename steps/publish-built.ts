import type { Engine, PublishResult } from '../docker/engine.ts';
import { ownReference } from '../model/engine-names.ts';
import type { BuildImageInput } from '../model/pure/payloads.ts';
import type { Plan, PlannedImage } from '../model/schema/plan.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import type { Store } from '../store/store.ts';
import type { BuiltInEngine } from './build-in-engine.ts';
import { confirmableBlobs } from './confirmable-blobs.ts';
import { publishNotes } from './publish-notes.ts';
import type { StepContext } from './step-context.ts';

/** What was built, for whom and where that was decided. */
export interface Wanted {
  readonly plan: Plan;
  readonly planned: PlannedImage;
  readonly input: BuildImageInput;
}

/**
 * Publishes what was just built, and gives it its own name in the engine. Safe to repeat.
 * @throws {TransferFailed} {StoreUnavailable} {StoreOutOfSpace} {ImageDamaged}
 */
export async function publishBuilt(
  store: Store,
  engine: Engine,
  { plan, planned, input, tag, cache }: Wanted & Pick<BuiltInEngine, 'cache'> & { readonly tag: string },
  { signal, onProgress }: StepContext,
): Promise<{ published: PublishResult; publishMs: number }> {
  const took = startStopwatch();
  const { domain, level } = plan;
  const { name, inputs } = planned;
  const grounds = { bases: inputs.bases, parent: input.parent, cache: cache?.image };
  const known = await confirmableBlobs(store, { domain, level, name, ...grounds }, signal);
  const published = await engine.images.publish(tag, {
    signal,
    onProgress,
    ...publishNotes(store, plan, (digest) => known.has(digest)),
  });
  // Under its own name it is there for the next build on top of it; somebody who has removed it meanwhile takes nothing from this one.
  await engine.images.tag(tag, ownReference(planned.imageHash ?? '')).catch(async (error: unknown) => {
    if ((await engine.images.find(tag)) !== undefined) throw error;
  });
  await engine.images.use(tag);
  return { published, publishMs: took() };
}
