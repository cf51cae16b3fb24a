import { createHash } from 'node:crypto';
import type { BuildResult, Engine, PublishResult } from '../docker/engine.ts';
import type { BuildContext } from '../images/build-context.ts';
import { openBuildContext } from '../images/build-context.ts';
import { computeImageHash } from '../images/image-hash.ts';
import { BaseUnavailable, ImageHashMismatch } from '../model/errors.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import { IMAGE_TARBALL } from '../model/pure/artifact-names.ts';
import { parseId } from '../model/pure/ids.ts';
import type { BuildImageInput, BuiltImage } from '../model/pure/payloads.ts';
import type { Plan, PlannedImage, StoredImage } from '../model/schema/plan.ts';
import type { BaseRecord } from '../model/schema/records.ts';
import type { GitSource } from '../source/git-source.ts';
import type { Store } from '../store/store.ts';
import { closureOf } from './image-closure.ts';
import { openImageTarball } from './image-tarball.ts';
import type { LendEngine } from './lend-engine.ts';
import type { PlanCache } from './plan-cache.ts';
import { RunLog } from './run-log.ts';
import type { StepContext } from './step-context.ts';

export interface BuildImageDeps {
  readonly store: Store;
  readonly plans: PlanCache;
  readonly source: GitSource;
  readonly withEngine: LendEngine;
  readonly worker: string;
}

/** Images of the same name whose layers a publish may take for known. */
const ANCESTORS = 5;

/**
 * Builds one in-tree image and publishes it into the store; nothing names it until the index entry is written. Both
 * hashes are computed again from what is about to be built.
 *
 * Safe to repeat, from whatever point: bases and parent are loaded only where the engine lacks them; steps that were built
 * come from the engine's cache; blobs and manifest are create-only under their digests, and the endpoint asks the store
 * which are there; the engine's names of the build are the same each time, and removed at the end; the log goes on.
 * @throws {ImageBuildFailed} {BaseUnavailable} {ImageHashMismatch} {ImageDamaged} and the errors of engine and store.
 */
export async function buildImage(
  deps: BuildImageDeps,
  input: BuildImageInput,
  context: StepContext,
): Promise<BuiltImage> {
  const plan = await deps.plans.plan(input.pushId, input.plannedAt);
  const planned = await deps.plans.image(input.pushId, input.plannedAt, input.name);
  const log = await RunLog.open(deps.store.logs, input.taskId, input.run);
  log.say(`Image ${input.name}: ${planned.why}`);
  try {
    const buildContext = await openVerified(deps, { plan, planned, input }, context);
    log.say(`Context ${buildContext.contextHash.slice(0, 12)}, image hash ${planned.imageHash ?? ''}`);
    return await deps.withEngine(plan.domain, context.signal, (engine, signal) =>
      buildIn(engine, { deps, plan, planned, input, buildContext, log }, { ...context, signal }),
    );
  } catch (error) {
    if (error instanceof Error && !context.signal.aborted) log.say(error.message, 'error');
    throw error;
  } finally {
    await log.flush();
  }
}

async function buildIn(
  engine: Engine,
  parts: Wanted & {
    readonly deps: BuildImageDeps;
    readonly buildContext: BuildContext;
    readonly log: RunLog;
  },
  context: StepContext,
): Promise<BuiltImage> {
  const { deps, plan, planned, input, log } = parts;
  const { store, worker } = deps;
  const started = new Date().toISOString();
  // The same in every attempt, so that one that was killed leaves no name that the next does not clear away.
  const name = createHash('sha256').update(`${input.taskId} ${input.run}`).digest('hex');
  const parentTag = `slipway.invalid/parent:${name}`;
  const tag = `slipway.invalid/build:${name}`;
  try {
    const { id: engineId, version } = await engine.info();
    log.say(`Building on ${worker}, Docker Engine ${version}`);
    await bringBases(store, engine, { plan, planned, input, parentTag }, context);
    const buildTook = startStopwatch();
    const { steps, cachedSteps } = await build(engine, { ...parts, tag, parentTag }, context);
    const buildMs = buildTook();
    log.say(`Built in ${buildMs} ms, ${cachedSteps} of ${steps} steps from the cache; publishing`);
    const { published, publishMs } = await publish(store, engine, { plan, planned, input, tag }, context);
    const { manifestDigest, configDigest, diffIds, sizeBytes, bytesUploaded, way } = published;
    log.say(`Published ${manifestDigest}: ${bytesUploaded} bytes sent in ${publishMs} ms (${way})`);
    const stored = { manifestDigest, configDigest, diffIds, sizeBytes };
    if (planned.tarball === 'stored') await storeTarball(store, stored, input, context);
    return {
      stored,
      bytesUploaded,
      steps,
      cachedSteps,
      phases: { buildMs, publishMs },
      worker,
      engineId,
      started,
    };
  } finally {
    await engine.images.remove(tag).catch(() => undefined);
    await engine.images.remove(parentTag).catch(() => undefined);
  }
}

interface Wanted {
  readonly plan: Plan;
  readonly planned: PlannedImage;
  readonly input: BuildImageInput;
}

async function openVerified(
  deps: BuildImageDeps,
  { plan, planned, input }: Wanted,
  { signal }: StepContext,
): Promise<BuildContext> {
  // Without the ref: planning has proven that it holds the revision, and it may have moved on since.
  const tree = await deps.source.open(plan.repository, { revision: plan.revision, signal });
  const { args } = planned.inputs;
  const definition = {
    imageName: planned.name,
    context: planned.context,
    args,
    hasParent: planned.parent !== null,
  };
  const buildContext = await openBuildContext(tree, definition, signal);
  const got = computeImageHash({ ...planned.inputs, contextHash: buildContext.contextHash });
  const id = parseId(input.taskId);
  const expected = id?.kind === 'image' ? id.imageHash : '';
  if (got !== expected) throw new ImageHashMismatch(planned.name, expected, got);
  return buildContext;
}

/** Builders take bases and parents from the store, never from outside. */
async function bringBases(
  store: Store,
  engine: Engine,
  { plan, planned, input, parentTag }: Wanted & { readonly parentTag: string },
  { signal, onProgress }: StepContext,
): Promise<void> {
  const { platform, bases } = planned.inputs;
  for (const [reference, digest] of Object.entries(bases)) {
    const isPlanned = (base: BaseRecord): Promise<boolean> => Promise.resolve(base.manifestDigest === digest);
    const record = await store.index.findBase(plan.domain, platform, reference, plan.level, isPlanned, {
      alsoRetired: true,
    });
    if (!record) throw new BaseUnavailable(reference, `its record is not ${digest} any more`);
    const tag = `base-${digest.slice('sha256:'.length)}`;
    const loaded = await engine.images.load(record, { tag, signal, onProgress });
    await engine.images.tag(loaded.engineImageId, reference);
  }
  if (!input.parent) return;
  const loaded = await engine.images.load(input.parent, {
    tag: planned.inputs.parent ?? 'parent',
    signal,
    onProgress,
  });
  await engine.images.tag(loaded.engineImageId, parentTag);
}

async function build(
  engine: Engine,
  parts: Omit<Wanted, 'plan'> & {
    readonly buildContext: BuildContext;
    readonly tag: string;
    readonly parentTag: string;
    readonly log: RunLog;
  },
  { signal, onProgress }: StepContext,
): Promise<BuildResult> {
  const { buildContext, planned, input, tag, parentTag, log } = parts;
  const parent: Record<string, string> = input.parent ? { DOCKER_IMAGE_PARENT: parentTag } : {};
  const tar = buildContext.tar({ ...(input.parent ? { parentReference: parentTag } : {}), signal });
  return engine.images.build(tar, {
    imageName: planned.name,
    tag,
    args: { ...planned.inputs.args, ...parent },
    platform: planned.inputs.platform,
    onOutput: (text) => log.writeText(text),
    onProgress,
    signal,
  });
}

async function publish(
  store: Store,
  engine: Engine,
  { plan, planned, input, tag }: Wanted & { readonly tag: string },
  { signal, onProgress }: StepContext,
): Promise<{ published: PublishResult; publishMs: number }> {
  const took = startStopwatch();
  const known = await confirmable(store, { plan, planned, input }, signal);
  const published = await engine.images.publish(tag, {
    signal,
    onProgress,
    mayConfirm: (digest) => known.has(digest),
  });
  // Under its own name it is there for the next build on top of it.
  await engine.images.tag(tag, `slipway.invalid/image:${planned.imageHash ?? ''}`);
  return { published, publishMs: took() };
}

/** Blobs that the endpoint may take for known: of parent, bases, and earlier images of the name that this domain and level may read. */
async function confirmable(
  store: Store,
  { plan, planned, input }: Wanted,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const manifests = new Set<string>(Object.values(planned.inputs.bases));
  if (input.parent) manifests.add(input.parent.manifestDigest);
  let ancestors = 0;
  for await (const { entry } of store.index.list(plan.domain, plan.level, planned.name)) {
    manifests.add(entry.manifestDigest);
    if (++ancestors >= ANCESTORS) break;
  }
  const closures = await Promise.all([...manifests].map((digest) => closureOf(store.blobs, digest, signal)));
  return new Set(closures.flat());
}

async function storeTarball(
  store: Store,
  image: StoredImage,
  input: BuildImageInput,
  { signal }: StepContext,
): Promise<void> {
  const id = parseId(input.taskId);
  if (id?.kind !== 'image') throw new TypeError(`Not the id of an image: ${input.taskId}`);
  const tar = openImageTarball(store, id, image, signal);
  await store.artifacts.write(input.taskId, input.run, IMAGE_TARBALL, tar, {
    contentType: 'application/x-tar',
    signal,
  });
}
