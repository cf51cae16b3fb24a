import { createHash } from 'node:crypto';
import type { BuildResult, Engine, LentLayers, OnProgress } from '../docker/engine.ts';
import { LABEL } from '../docker/labels.ts';
import type { BuildContext } from '../images/build-context.ts';
import { openBuildContext } from '../images/build-context.ts';
import { computeImageHash } from '../images/image-hash.ts';
import { NAMESPACE_ARGUMENT } from '../model/cache-mount.ts';
import { BaseUnavailable, ImageBuildFailed, ImageHashMismatch, isSlipwayError } from '../model/errors.ts';
import { ownReference } from '../model/engine-names.ts';
import type { Level } from '../model/pure/ids.ts';
import type { ImageInputs, StoredImage } from '../model/schema/plan.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import type { Store } from '../store/store.ts';
import { isFull } from './engine-trouble.ts';
import { bringLayerCache } from './layer-cache.ts';
import type { LayerCache } from './layer-cache.ts';
import { namespacesIn } from './mount-namespaces.ts';
import { roomText } from './room-text.ts';
import { tagOfBase } from './tag-of-base.ts';
import { whileHeld } from './while-held.ts';

/** So often bases and parent are brought for a build from under which somebody removes them. */
const ROUNDS = 5;

export interface ImageToBuild {
  readonly name: string;
  readonly inputs: ImageInputs;
  readonly buildContext: BuildContext;
  /** From the store, or an image that this engine has; absent when it has none. */
  readonly parent?: StoredImage | { readonly engineImageId: string } | undefined;
  /** What its bases are, by reference; for others the records of the store are asked. */
  readonly baseImages?: Readonly<Record<string, StoredImage>> | undefined;
  /** Every step is carried out, whatever a cache has. */
  readonly fresh?: boolean | undefined;
}

export interface BuildWhere {
  readonly store: Store;
  readonly domain: string;
  readonly level: Level;
  /** What the built image is called in the engine. */
  readonly tag: string;
  /** What its parent is called while it is built. */
  readonly parentTag: string;
  /** Called when bases and parent are in the engine, which keeps them by that hold. Not for a fresh build: that has cache mounts of its own. */
  readonly onGround?: (hold: string) => Promise<void>;
  readonly onOutput: (text: string) => void;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

export interface BuiltInEngine extends BuildResult {
  readonly buildMs: number;
  /** What moved whole to be built with, where less would have done, and why. */
  readonly fellBack: readonly string[];
  /** The image that it could take unchanged layers from; absent when there was none. */
  readonly cache?: UsedCache | undefined;
}

/** What became of the layers of an earlier image. */
export interface UsedCache extends Omit<LayerCache, 'layers'> {
  /** Bytes that were fetched for it; 0 when the engine had it, or used none of it. */
  readonly bytesLoaded: number;
}

/**
 * Builds one image in an engine, the same way wherever that is: bases by the records of the store, never from outside, and the
 * parent, each brought only where the engine lacks it; then the hashed context. Bases go by names of their digests in it, so that
 * nobody who builds or pulls there meanwhile gives them to another image. What is pruned there before it is built on is brought again.
 * Safe to repeat.
 * @throws {BaseUnavailable} {ImageBuildFailed} {ImageDamaged} and the errors of engine and store.
 */
export async function buildInEngine(
  engine: Engine,
  image: ImageToBuild,
  where: BuildWhere,
): Promise<BuiltInEngine> {
  const hold = holdOf(where.tag);
  const build = (): Promise<BuiltInEngine> => bringAndBuild(engine, image, { ...where, hold });
  return whileHeld(engine.images, hold, async () => {
    try {
      return await build();
    } catch (error) {
      const made = isFull(error) && !where.signal.aborted ? await engine.images.makeRoom() : undefined;
      if (!made) throw error;
      where.onOutput(`The disk of the engine is full. ${roomText(made)}; once more\n`);
      return await build();
    }
  });
}

/** Bases, parent and cache stay in the engine until it is built. */
function holdOf(tag: string): string {
  return createHash('sha256').update(tag).digest('hex').slice(0, 16);
}

async function bringAndBuild(
  engine: Engine,
  image: ImageToBuild,
  where: BuildWhere & { readonly hold: string },
): Promise<BuiltInEngine> {
  const { inputs, parent } = image;
  for (let round = 1; ; round += 1) {
    const fellBack: string[] = [];
    const note: NoteFellBack = (what, { fellBack: why }) => {
      if (why !== undefined) fellBack.push(`${what}: ${why}`);
    };
    const baseNames = await bringBases(engine, image, { ...where, note });
    if (parent) await bringParent(engine, { inputs, parent }, { ...where, note });
    try {
      return await buildOnGround(engine, image, { ...where, baseNames, fellBack, note });
    } catch (error) {
      if (round === ROUNDS || !isGroundGone(error, image, where)) throw error;
      where.onOutput(`${(error as Error).message}. Somebody has removed it; it is brought again\n`);
    }
  }
}

/** Whether a build has not found what was brought for it. Of an image that only the engine had there is no other. */
function isGroundGone(
  error: unknown,
  { inputs, parent }: ImageToBuild,
  { parentTag }: Pick<BuildWhere, 'parentTag'>,
): boolean {
  if (!isSlipwayError(error) || error.type !== 'BaseUnavailable') return false;
  const { reference } = error as BaseUnavailable;
  const isParent = reference === parentTag && parent !== undefined && 'manifestDigest' in parent;
  return isParent || Object.hasOwn(inputs.bases, reference);
}

/** Builds when bases and parent are in the engine. */
async function buildOnGround(
  engine: Engine,
  image: ImageToBuild,
  where: BuildWhere & {
    readonly hold: string;
    readonly baseNames: ReadonlyMap<string, string>;
    readonly fellBack: string[];
    readonly note: NoteFellBack;
  },
): Promise<BuiltInEngine> {
  const { name, inputs, fresh = false } = image;
  const { fellBack, note } = where;
  if (!fresh) await where.onGround?.(where.hold);
  const ground = fresh ? undefined : await layersUnder(engine, image, where);
  const cache = fresh ? undefined : await bringLayerCache(engine, { ...where, name, inputs, ground });
  if (cache?.layers) note(`image ${cache.imageHash.slice(0, 12)}`, cache.layers);
  const took = startStopwatch();
  if (!cache?.layers) {
    const built = await buildOnce(engine, image, where);
    return { ...built, buildMs: took(), fellBack, cache: cache && { ...cache, bytesLoaded: 0 } };
  }
  const { layers, ...earlier } = cache;
  try {
    const built = await buildOnce(engine, image, where, layers);
    const { bytesLoaded } = layers;
    return { ...built, buildMs: took(), fellBack, cache: { ...earlier, bytesLoaded } };
  } catch (error) {
    where.signal.throwIfAborted();
    if (!layers.isAtFault(error as Error)) throw error;
    const { bytesLoaded } = layers;
    layers.close();
    const built = await buildOnce(engine, image, where);
    const trouble = (error as Error).message;
    return { ...built, buildMs: took(), fellBack, cache: { ...earlier, bytesLoaded, trouble } };
  } finally {
    layers.close();
  }
}

/** What the last stage begins with, as the engine has it. */
async function layersUnder(
  engine: Engine,
  { inputs, buildContext, parent }: ImageToBuild,
  {
    parentTag,
    baseNames,
  }: Pick<BuildWhere, 'parentTag'> & { readonly baseNames: ReadonlyMap<string, string> },
): Promise<readonly string[] | undefined> {
  const { platform } = inputs;
  const parentReference = parent ? parentTag : undefined;
  const reference = buildContext.lastGround({ platform, parentReference });
  if (reference === undefined) return [];
  const { layers = [] } = (await engine.images.describe(baseNames.get(reference) ?? reference)) ?? {};
  return layers.length > 0 ? layers : undefined;
}

type NoteFellBack = (what: string, loaded: { readonly fellBack?: string | undefined }) => void;

async function buildOnce(
  engine: Engine,
  { name, inputs, buildContext, parent, fresh = false }: ImageToBuild,
  where: BuildWhere & { readonly baseNames: ReadonlyMap<string, string> },
  cacheFrom?: LentLayers,
): Promise<BuildResult> {
  const { tag, parentTag, baseNames, onOutput, onProgress, signal } = where;
  const { version } = await engine.info();
  const namespace = namespacesIn(engine, where)(inputs.args[NAMESPACE_ARGUMENT]);
  const parentReference = parent ? parentTag : undefined;
  const tar = buildContext.tar({ parentReference, baseNames, engineVersion: version, signal });
  const built = engine.images.build(tar, {
    imageName: name,
    tag,
    shownNames: new Map([...baseNames].map(([reference, own]) => [own, reference])),
    args: {
      ...inputs.args,
      ...(parent ? { DOCKER_IMAGE_PARENT: parentTag } : {}),
      ...(namespace === undefined ? {} : { [NAMESPACE_ARGUMENT]: namespace }),
    },
    // What comes from the store is known by its record.
    ...(parent && 'engineImageId' in parent ? { labels: { [LABEL.ground]: parent.engineImageId } } : {}),
    platform: inputs.platform,
    ...(fresh ? { fresh } : {}),
    ...(cacheFrom ? { cacheFrom } : {}),
    onOutput,
    onProgress,
    signal,
  });
  return built.catch((error: unknown) => {
    throw explained(error, buildContext.unknownTo(version), version);
  });
}

/** An engine that is too old for a Dockerfile blames the Dockerfile, and names neither its age nor what helps. */
function explained(error: unknown, unknown: readonly string[], version: string): unknown {
  if (!isSlipwayError(error) || error.type !== 'ImageBuildFailed') return error;
  const { imageName, failed, detail } = error as ImageBuildFailed;
  if (failed.step !== undefined) return error;
  // Of flags it is not always sure since when engines know them, but one that is unknown is named.
  const what = unknown.find((item) => {
    const [, flag] = item.split(' --');
    return flag === undefined || new RegExp(`flag:? (?:--)?${flag}\\b`, 'i').test(detail);
  });
  if (what === undefined) return error;
  const why = `Docker Engine ${version} of the builder knows no ${what}`;
  const help = 'begin the Dockerfile with "# syntax=docker/dockerfile:1", which it fetches';
  return new ImageBuildFailed(imageName, failed, `${detail}; ${why}: ${help}`, { cause: error });
}

/** Opens what is about to be built, and computes its hashes again. @throws {ImageHashMismatch} {InvalidInput} */
export async function openVerified(
  tree: SourceTree,
  image: {
    readonly name: string;
    readonly context: string;
    readonly hasParent: boolean;
    readonly inputs: ImageInputs;
    readonly imageHash: string;
  },
  signal: AbortSignal,
): Promise<BuildContext> {
  const { name, context, hasParent, inputs, imageHash } = image;
  const { args, platform } = inputs;
  const definition = { imageName: name, context, args, hasParent, platform };
  const buildContext = await openBuildContext(tree, definition, { signal });
  const got = computeImageHash({ ...inputs, contextHash: buildContext.contextHash });
  if (got !== imageHash) throw new ImageHashMismatch(name, imageHash, got);
  return buildContext;
}

/** Gives the name that each base has in the engine, by its reference. */
async function bringBases(
  engine: Engine,
  { inputs, baseImages = {} }: ImageToBuild,
  where: BuildWhere & { readonly hold: string; readonly note: NoteFellBack },
): Promise<ReadonlyMap<string, string>> {
  const { store, domain, level, hold, note, signal, onProgress } = where;
  const names = new Map<string, string>();
  for (const [reference, digest] of Object.entries(inputs.bases)) {
    const isPlanned = (base: StoredImage): Promise<boolean> =>
      Promise.resolve(base.manifestDigest === digest);
    const { findBase, findTrackedBase } = store.index;
    const record =
      baseImages[reference] ??
      (await findBase(domain, inputs.platform, reference, level, isPlanned, { alsoRetired: true })) ??
      (await findTrackedBase(domain, inputs.platform, reference, level, isPlanned));
    if (!record) throw new BaseUnavailable(reference, `its record is not ${digest} any more`);
    const tag = tagOfBase(digest);
    note(`base ${reference}`, await engine.images.load(record, { tag, hold, signal, onProgress }));
    names.set(reference, ownReference(tag));
  }
  return names;
}

async function bringParent(
  engine: Engine,
  { inputs, parent }: { readonly inputs: ImageInputs; readonly parent: NonNullable<ImageToBuild['parent']> },
  where: BuildWhere & { readonly hold: string; readonly note: NoteFellBack },
): Promise<void> {
  const { parentTag, hold, note, signal, onProgress } = where;
  if ('engineImageId' in parent) return engine.images.tag(parent.engineImageId, parentTag);
  const tag = inputs.parent ?? 'parent';
  const loaded = await engine.images.load(parent, { tag, hold, signal, onProgress });
  note('parent', loaded);
  await engine.images.tag(loaded.engineImageId, parentTag);
}
