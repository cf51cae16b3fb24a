import type { Engine, FreedRoom, RegistryPull } from '../docker/engine.ts';
import { ImageUnavailable, isSlipwayError } from '../model/errors.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import { cutDetail } from '../model/pure/cut-text.ts';
import type { LoadedImage, RunInput } from '../model/pure/payloads.ts';
import type { Plan, PlannedTask, StoredImage } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import { underWatch } from './engine-watch.ts';
import { holdOfRun } from './hold-of-run.ts';
import { isWhole } from './image-closure.ts';
import { importTarball } from './import-tarball.ts';
import { tellOverrun } from './overrun.ts';
import type { PlanCache } from './plan-cache.ts';
import { roomText } from './room-text.ts';
import { RunLog } from './run-log.ts';
import type { StepContext } from './step-context.ts';
import type { TarballImage } from './task-tarball.ts';
import { findTaskTarball, howBuiltAgain, whereFrom } from './task-tarball.ts';
import { tagOfBase } from './tag-of-base.ts';
import { withLayers } from './with-layers.ts';

export interface LoadTaskImageDeps {
  readonly store: Store;
  readonly plans: PlanCache;
  readonly engine: Engine;
  /** The name of ours of an image that was made in this engine for this very run. No other name of ours is taken. */
  readonly builtHere?: string;
}

/**
 * Makes a task's image usable in this engine; only missing layers move. Safe to repeat.
 * @throws {ImageUnavailable} when it can never be had or read. @throws {EngineRequestFailed} when its registry is in trouble.
 */
export async function loadTaskImage(
  deps: LoadTaskImageDeps,
  input: RunInput,
  context: StepContext,
): Promise<LoadedImage> {
  const { task, run } = input;
  const plan = await deps.plans.plan(task.pushId, task.plannedAt);
  const planned = await deps.plans.task(task.pushId, task.plannedAt, task.label);
  const log = await RunLog.open(deps.store.logs, task.taskId, run, context);
  log.say(`Task ${task.taskId} run ${run}`);
  tellOverrun(log, context);
  try {
    return await underWatch(deps.engine, context, (watched) =>
      bringImage(deps, { planned, plan, input }, watched, (line) => log.say(line)),
    );
  } catch (error) {
    if (error instanceof Error && !context.signal.aborted) log.say(error.message, 'error');
    throw error;
  } finally {
    await log.flush();
  }
}

export interface WantedImage {
  readonly planned: PlannedTask;
  readonly plan: Plan;
  readonly input: RunInput;
  /** Why nothing of it is taken for present, whatever the engine says. An image of a registry is its engine's own matter. */
  readonly anew?: string | undefined;
}

/** The same for a run whose log is open already. */
export async function bringImage(
  deps: LoadTaskImageDeps,
  wanted: WantedImage,
  context: StepContext,
  say: (line: string) => void,
): Promise<LoadedImage> {
  const took = startStopwatch();
  const image = await have(deps, wanted, context, say);
  const imageMs = took();
  const { engineImageId, bytesLoaded, fellBack } = image;
  const digests = digestsOf(image);
  const digest = digests.manifestDigest ?? digests.registryDigest;
  const shown = digest === undefined ? image.name : `${image.name} (${digest})`;
  say(`Image ${shown} ${howItCame(image)} (${imageMs} ms)`);
  if (fellBack !== undefined) say(`All of it had to move: ${fellBack}`);
  if (image.madeRoom) say(roomText(image.madeRoom));
  const whole = fellBack === undefined ? {} : { fellBack: cutDetail(fellBack) };
  return { engineImageId, bytesLoaded, imageMs, ...digests, ...whole };
}

/** From the store, or from a registry by way of the engine, which does not tell how much it fetched. */
interface Had extends RegistryPull {
  readonly name: string;
  readonly bytesLoaded: number;
  readonly wasPulled?: true;
  readonly stored?: StoredImage;
  readonly fellBack?: string;
  readonly madeRoom?: FreedRoom;
}

function howItCame({ bytesLoaded, wasPulled }: Had): string {
  if (wasPulled) return 'pulled';
  return bytesLoaded === 0 ? 'was there' : `loaded, ${bytesLoaded} bytes fetched`;
}

function digestsOf({
  stored,
  registryDigest,
  configDigest,
}: Had): Pick<LoadedImage, 'manifestDigest' | 'registryDigest' | 'configDigest'> {
  if (stored) return { manifestDigest: stored.manifestDigest, configDigest: stored.configDigest };
  return {
    ...(registryDigest === undefined ? {} : { registryDigest }),
    ...(configDigest === undefined ? {} : { configDigest }),
  };
}

async function have(
  { store, engine, builtHere }: LoadTaskImageDeps,
  { planned, plan, input, anew }: WantedImage,
  context: StepContext,
  say: (line: string) => void,
): Promise<Had> {
  const { image } = planned;
  const { signal, onProgress } = context;
  const how = { hold: holdOfRun(input), ...(anew === undefined ? {} : { anew }) };
  const { hold } = how;
  switch (image.type) {
    case 'in-tree': {
      const wanted = input.task.image;
      if (!wanted) throw new ImageUnavailable(image.name, 'the push recorded none for this task');
      const found = plan.images.find(({ name }) => name === image.name);
      const stored = await withLayers(store.blobs, wanted, { planned: found?.stored, signal });
      const tag = found?.imageHash ?? 'unknown';
      const loaded = await engine.images.load(stored, { tag, ...how, signal, onProgress });
      return { name: image.name, ...loaded, stored };
    }
    case 'docker-image': {
      if (image.name === builtHere)
        return { name: image.name, ...(await findBuilt(engine, builtHere)), bytesLoaded: 0 };
      const { platform } = await engine.info();
      const base = await findBase(store, { plan, platform, reference: image.name }, signal);
      if (base) {
        const tag = tagOfBase(base.manifestDigest);
        const loaded = await engine.images.load(base, { tag, ...how, signal, onProgress });
        return { name: image.name, ...loaded, stored: base };
      }
      // Before it is looked for: what is held does not go.
      await engine.images.use(image.name, hold);
      const present = await engine.images.findPulled(image.name);
      if (present) return { ...present, name: image.name, bytesLoaded: 0 };
      say(`Pulling ${image.name}`);
      const pulled = await engine.images.pull(image.name, { hold, signal, onProgress });
      return { ...pulled, name: image.name, bytesLoaded: 0, wasPulled: true };
    }
    case 'task-image':
    case 'indexed-image': {
      const found = await findTaskTarball(store, image, plan);
      if ('stored' in found) return await loadBuilt({ store, engine }, found, { image, ...how }, context);
      const { platform } = await engine.info();
      const { domain, level } = plan;
      const { stored, bytesWritten } = await importTarball(
        store,
        found,
        { domain, level, platform },
        context,
      );
      if (bytesWritten !== undefined)
        say(`Imported ${found.path} of ${found.taskId}: ${bytesWritten} bytes stored`);
      const name = `${found.path} of ${found.taskId}`;
      return await loadStored(engine, stored, { name, ...how }, context);
    }
  }
}

async function findBuilt({ images }: Engine, name: string): Promise<RegistryPull> {
  await images.use(name);
  const engineImageId = await images.find(name);
  if (engineImageId === undefined)
    throw new ImageUnavailable(name, 'it was made in this engine, and is gone');
  return { engineImageId };
}

/**
 * Of an image that another push has built there are only these bytes: a build of today gives others, and this push was planned with
 * them. A part that is wrong is examined first, as any is.
 * @throws {ImageUnavailable} when the store lacks a part of it.
 */
async function loadBuilt(
  { store, engine }: Pick<LoadTaskImageDeps, 'store' | 'engine'>,
  { stored }: { readonly stored: StoredImage },
  { image, ...how }: { readonly image: TarballImage; readonly hold: string; readonly anew?: string },
  context: StepContext,
): Promise<Had> {
  try {
    return await loadStored(engine, stored, { name: image.path, ...how }, context);
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'ImageDamaged') throw error;
    if (await isWhole(store.blobs, stored.manifestDigest, context.signal)) throw error;
    const next = howBuiltAgain(image) ?? '';
    throw new ImageUnavailable(whereFrom(image), `${error.message}. ${next}`, { cause: error });
  }
}

async function loadStored(
  engine: Engine,
  stored: StoredImage,
  { name, ...how }: { readonly name: string; readonly hold: string; readonly anew?: string },
  { signal, onProgress }: StepContext,
): Promise<Had> {
  const tag = `tarball-${stored.manifestDigest.slice('sha256:'.length)}`;
  return { name, ...(await engine.images.load(stored, { tag, ...how, signal, onProgress })), stored };
}

/** One that is whole, at whatever level; else the damaged one, so that loading it names what is wrong and it is made again. */
async function findBase(
  { index, blobs }: Store,
  what: { readonly plan: Plan; readonly platform: string; readonly reference: string },
  signal: AbortSignal,
): Promise<StoredImage | undefined> {
  const { plan, platform, reference } = what;
  const whole = await index.findBase(plan.domain, platform, reference, plan.level, (base) =>
    isWhole(blobs, base.manifestDigest, signal),
  );
  return whole ?? (await index.findBase(plan.domain, platform, reference, plan.level));
}
