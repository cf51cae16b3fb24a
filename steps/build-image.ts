import { createHash } from 'node:crypto';
import type { Engine } from '../docker/engine.ts';
import type { BuildContext } from '../images/build-context.ts';
import type { UsedMount } from '../model/cache-mount.ts';
import { cutDetail } from '../model/pure/cut-text.ts';
import { parseId } from '../model/pure/ids.ts';
import type { BuildImageInput, BuiltImage } from '../model/pure/payloads.ts';
import type { PlannedImage } from '../model/schema/plan.ts';
import type { CacheMountsRecord } from '../model/schema/records.ts';
import type { GitSource } from '../source/git-source.ts';
import type { Store } from '../store/store.ts';
import type { Afterwards } from './afterwards.ts';
import type { BuiltInEngine } from './build-in-engine.ts';
import { buildInEngine, openVerified } from './build-in-engine.ts';
import { writeContextList } from './context-list.ts';
import { bringMounts } from './bring-mounts.ts';
import { storeTarball } from './image-tarball.ts';
import { keepMounts } from './keep-mounts.ts';
import { troubleOf } from './layer-cache.ts';
import type { LendEngine } from './lend-engine.ts';
import { lendPatiently } from './lend-patiently.ts';
import { mountsOfBuild } from './mounts-of-build.ts';
import { expectBuildToEnd, tellOverrun } from './overrun.ts';
import type { PlanCache } from './plan-cache.ts';
import type { Wanted } from './publish-built.ts';
import { publishBuilt } from './publish-built.ts';
import { roomText } from './room-text.ts';
import { RunLog } from './run-log.ts';
import { findSilentMiss } from './silent-miss.ts';
import type { StepContext } from './step-context.ts';

export interface BuildImageDeps {
  readonly store: Store;
  readonly plans: PlanCache;
  readonly source: GitSource;
  readonly withEngine: LendEngine;
  readonly worker: string;
  /** What is kept of a cache mount at most, in bytes; 0: nothing. */
  readonly mountLimitBytes: number;
  readonly afterwards: Afterwards;
}

/**
 * Builds one in-tree image and publishes it into the store; nothing names it until the index entry is written. Both
 * hashes are computed again from what is about to be built.
 *
 * Safe to repeat, from whatever point: bases and parent are loaded only where the engine lacks them; steps that were built
 * come from the engine's cache; blobs and manifest are create-only under their digests, and those that arrived need not be
 * sent again; the engine's names of the build are the same each time, and removed at the end; the log goes on.
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
  log.say(`Image ${input.name}: ${whyBuilt(planned)}`);
  try {
    expectBuildToEnd(planned.name, context);
    tellOverrun(log, context);
    const buildContext = await openPlanned(deps, { plan, planned, input }, context);
    await keepContextList(deps.store, { plan, planned, input }, buildContext, context);
    log.say(`Context ${buildContext.contextHash.slice(0, 12)}, image hash ${planned.imageHash ?? ''}`);
    return await lendPatiently(deps.withEngine, plan.domain, { context, log }, (engine, inEngine) =>
      buildIn(engine, { deps, plan, planned, input, buildContext, log }, inEngine),
    );
  } catch (error) {
    if (error instanceof Error && !context.signal.aborted) log.say(error.message, 'error');
    throw error;
  } finally {
    await log.flush();
  }
}

/** A plan counts until its push is resolved; what was known then may be gone since. */
function whyBuilt({ action, why }: Pick<PlannedImage, 'action' | 'why'>): string {
  if (action === 'not-needed') return `it is needed now, and was planned as not needed: ${why}`;
  if (action !== 'reuse') return why;
  return `it is made again, since it is gone, not whole, or asked for anew, and was planned as known: ${why}`;
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
  const { deps, plan, planned, input, buildContext, log } = parts;
  const { store, worker } = deps;
  const started = new Date().toISOString();
  // The same in every attempt, so that one that was killed leaves no name that the next does not clear away.
  const name = createHash('sha256').update(`${input.taskId} ${input.run}`).digest('hex');
  const parentTag = `slipway.invalid/parent:${name}`;
  const tag = `slipway.invalid/build:${name}`;
  const mounts = mountsOfBuild(buildContext, planned.inputs);
  let cacheMounts: CacheMountsRecord | undefined;
  const mountTag = `slipway.invalid/build:mounts-${name}`;
  try {
    const { id: engineId, version, imageStore } = await engine.info();
    log.say(`Building on ${worker}, Docker Engine ${version}`);
    const built = await buildInEngine(
      engine,
      {
        name: planned.name,
        inputs: planned.inputs,
        buildContext,
        parent: input.parent,
        baseImages: planned.baseImages,
        fresh: input.fresh,
      },
      {
        store,
        domain: plan.domain,
        level: plan.level,
        tag,
        parentTag,
        onGround: async (hold) => {
          const { domain, level } = plan;
          cacheMounts = await bringMounts(engine, mounts, {
            ...{ store, domain, level, platform: planned.inputs.platform, hold, tag: mountTag, ...context },
            say: (line) => log.say(line),
          });
        },
        onOutput: (text) => log.writeText(text),
        onProgress: context.onProgress,
        signal: context.signal,
      },
    );
    const { steps, cachedSteps, buildMs, madeRoom } = built;
    log.say(
      `Built in ${buildMs} ms, ${cachedSteps} of ${steps} steps from the cache${cacheText(built)}; publishing`,
    );
    for (const why of built.fellBack) log.say(`More had to move than is new: ${why}`);
    if (madeRoom) log.say(roomText(madeRoom));
    const wanted = { plan, planned, input, tag, cache: built.cache };
    const { published, publishMs } = await publishBuilt(store, engine, wanted, context);
    const { manifestDigest, configDigest, diffIds, sizeBytes, bytesUploaded, way, fellBack } = published;
    log.say(`Published ${manifestDigest}: ${bytesUploaded} bytes sent in ${publishMs} ms (${way})`);
    if (fellBack !== undefined) log.say(`All of it had to move: ${fellBack}`);
    const reasons = [...built.fellBack, cacheMounts?.fellBack, fellBack && `published: ${fellBack}`];
    const stored = { manifestDigest, configDigest, diffIds, sizeBytes };
    // Among levels and domains that share an engine, steps with cache mounts are not the same.
    const missed =
      engine.isShared && mounts.mounts.length + mounts.unknown.length > 0
        ? undefined
        : await findSilentMiss(store.blobs, built, { built: stored, parent: input.parent }, context.signal);
    if (planned.tarball === 'stored') await storeTarball(store, input, stored, context.signal);
    // Where no step was carried out no mount has changed; a fresh build has mounts of its own.
    if (cachedSteps < steps && !input.fresh) keepAfterwards(parts, mounts.mounts, mountTag);
    return {
      stored,
      bytesUploaded,
      ...(cacheMounts ? { cacheMounts } : {}),
      ...fallBacksOf(reasons, troubleOf(built.cache) ?? missed),
      steps,
      cachedSteps,
      phases: { buildMs, publishMs },
      worker,
      engineId,
      imageStore,
      ...(input.parent ? { parentDigest: input.parent.manifestDigest } : {}),
      ...(input.fresh ? { fresh: true as const } : {}),
      started,
    };
  } finally {
    await engine.images.remove(tag).catch(() => undefined);
    await engine.images.remove(parentTag).catch(() => undefined);
  }
}

/** Whoever waits for the image is told first: to keep a large mount takes minutes. */
function keepAfterwards(
  { deps, plan, planned, input }: Wanted & { readonly deps: BuildImageDeps },
  mounts: readonly UsedMount[],
  tag: string,
): void {
  const { store, withEngine, mountLimitBytes: limitBytes, afterwards } = deps;
  const { domain, level } = plan;
  if (mounts.length === 0 || limitBytes === 0) return;
  const { platform, bases } = planned.inputs;
  const grounds = [...Object.values(bases), ...(input.parent ? [input.parent.manifestDigest] : [])];
  afterwards(`cache mounts of ${domain}/${planned.name}`, ({ signal: own, say }) =>
    withEngine(domain, own, (engine, signal) => {
      const place = { store, domain, level, platform, signal, onProgress: () => undefined };
      return keepMounts(engine, mounts, { ...place, tag, grounds, limitBytes, say });
    }),
  );
}

/** What an earlier image was fetched for is said, and why it was of no use: a cache that fails in silence is found too late. */
function cacheText({ cache, steps, cachedSteps }: BuiltInEngine): string {
  if (!cache) return '';
  const { imageHash, bytesLoaded, trouble } = cache;
  const image = `image ${imageHash.slice(0, 12)}`;
  if (trouble !== undefined) return `; the layers of ${image} could not be used: ${trouble}`;
  const fetched = `${bytesLoaded} bytes of ${image} were fetched`;
  if (cachedSteps === 0 && steps > 0)
    return `: ${image} had none of them${bytesLoaded > 0 ? `, though ${fetched}` : ''}`;
  return bytesLoaded > 0 ? `, for which ${fetched}` : '';
}

/** What the record says of it. */
function fallBacksOf(
  reasons: readonly (string | undefined)[],
  cacheTrouble: string | undefined,
): Pick<BuiltImage, 'fellBack' | 'cacheTrouble'> {
  const fellBack = reasons.filter((reason) => reason !== undefined).join('; ');
  return {
    ...(fellBack === '' ? {} : { fellBack: cutDetail(fellBack) }),
    ...(cacheTrouble === undefined ? {} : { cacheTrouble: cutDetail(cacheTrouble) }),
  };
}

async function openPlanned(
  deps: BuildImageDeps,
  { plan, planned, input }: Wanted,
  { signal }: StepContext,
): Promise<BuildContext> {
  // Without the ref: planning has proven that it holds the revision, and it may have moved on since.
  const tree = await deps.source.open(plan.repository, { revision: plan.revision, signal });
  const { name, context, inputs, parent } = planned;
  const id = parseId(input.taskId);
  const imageHash = id?.kind === 'image' ? id.imageHash : '';
  return openVerified(tree, { name, context, inputs, hasParent: parent !== null, imageHash }, signal);
}

/** What the next build of this name is compared with. */
async function keepContextList(
  store: Store,
  { plan, planned, input }: Wanted,
  buildContext: BuildContext,
  { signal }: StepContext,
): Promise<void> {
  const { repository, revision } = plan;
  const { context, parent } = planned;
  const files = [...(await buildContext.files())];
  const list = { version: 1 as const, repository, revision, context, parent, files };
  await writeContextList(store, input, list, signal);
}
