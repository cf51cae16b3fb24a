import type { Engine } from '../docker/engine.ts';
import { isSlipwayError } from '../model/errors.ts';
import type { Digest } from '../model/pure/ids.ts';
import type { ImageDigests } from '../model/pure/image-digests.ts';
import type { RunInput, TaskInput } from '../model/pure/payloads.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import type { PlanCache } from './plan-cache.ts';
import type { TarballImage } from './task-tarball.ts';
import { findTaskTarball } from './task-tarball.ts';

/** What of its bytes an engine lacks nobody knows before it loads it; an image smaller than this is there sooner than another engine is asked. */
const WORTH_ASKING_BYTES = 50_000_000;

export interface FindHolderDeps {
  readonly store: Store;
  readonly plans: PlanCache;
  readonly engine: { readonly images: Pick<Engine['images'], 'find'> };
  /** This engine's own. */
  readonly engineId: string;
  readonly platform: string;
}

/** Id of an engine that has the image of a run which nobody has claimed, when this one has it not. Undefined: nobody is to be asked first. */
export async function findHolder(deps: FindHolderDeps, { task, run }: RunInput): Promise<string | undefined> {
  const { store, engine, engineId } = deps;
  const { level, taskId } = task;
  const image = task.image ?? (await findStored(deps, task));
  if (!image || image.sizeBytes < WORTH_ASKING_BYTES) return undefined;
  // By whichever of the two an engine's store calls it.
  for (const id of [image.configDigest, image.manifestDigest])
    if ((await engine.images.find(id)) !== undefined) return undefined;
  const holders = await store.holders.list(level, image.manifestDigest as Digest);
  const others = holders.filter((id) => id !== engineId);
  if (others.length === 0 || (await store.tasks.findClaim(taskId, run))) return undefined;
  return others[Math.floor(Math.random() * others.length)];
}

/** The image of the store that a run is going to be carried out in, as far as that is known before it is loaded. */
async function findStored(
  { store, plans, platform }: FindHolderDeps,
  { pushId, plannedAt, label }: TaskInput,
): Promise<ImageDigests | undefined> {
  const { image } = await plans.task(pushId, plannedAt, label);
  if (image.type === 'in-tree') return undefined;
  const plan = await plans.plan(pushId, plannedAt);
  if (image.type !== 'docker-image') return findImported(store, image, plan, platform);
  const onIt = plan.images.find(
    ({ inputs, baseImages }) => inputs.platform === platform && baseImages?.[image.name],
  );
  return onIt?.baseImages?.[image.name];
}

async function findImported(
  store: Store,
  image: TarballImage,
  plan: Plan,
  platform: string,
): Promise<ImageDigests | undefined> {
  try {
    const found = await findTaskTarball(store, image, plan);
    if ('stored' in found) return found.stored;
    return await store.tarballs.find(plan.domain, plan.level, { ...found, platform });
  } catch (error) {
    // Whoever loads it says why.
    if (isSlipwayError(error) && error.type === 'ImageUnavailable') return undefined;
    throw error;
  }
}
