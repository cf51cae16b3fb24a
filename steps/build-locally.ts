import { createHash } from 'node:crypto';
import type { Engine, OnProgress } from '../docker/engine.ts';
import type { DescribedImage } from '../images/describe-images.ts';
import { computeImageHash } from '../images/image-hash.ts';
import { BaseUnavailable, InternalError, isSlipwayError } from '../model/errors.ts';
import type { Level } from '../model/pure/ids.ts';
import type { ImageInputs } from '../model/schema/plan.ts';
import type { IndexEntry } from '../model/schema/records.ts';
import type { SourceTree } from '../model/source-tree.ts';
import type { Store } from '../store/store.ts';
import { ownReference } from '../model/engine-names.ts';
import { buildInEngine, openVerified } from './build-in-engine.ts';
import { standsOnFormer } from './former-parent.ts';
import { isWhole } from './image-closure.ts';
import { tagOfBase } from './tag-of-base.ts';

/** Does work that only one process shall do at a time in an engine, after whoever does such work now. */
export type Alone = <T>(work: () => Promise<T>) => Promise<T>;

export interface LocalBuildDeps {
  readonly engine: Engine;
  readonly alone: Alone;
  /** Empty where no server runs. Nothing is written into it. */
  readonly store: Store;
  readonly tree: SourceTree;
  readonly domain: string;
  readonly level: Level;
  /** Told when an image begins to be brought, with the reason, and of what it prints. */
  readonly say: (line: string) => void;
  readonly onOutput: (text: string) => void;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

/** An image that the engine has now. */
export interface LocalImage {
  readonly name: string;
  readonly contextHash: string;
  /** null: a base of it (or of a parent) has no record, so that nobody knows it yet. */
  readonly imageHash: string | null;
  /** Its name in the engine; after `local-` comes a hash over the bases as this engine has them. */
  readonly reference: string;
  readonly engineImageId: string;
  /** `present`: the engine had it; `loaded`: it came from the store. */
  readonly outcome: 'present' | 'loaded' | 'built';
  /** The task that built it, of one from the store. */
  readonly taskId?: string;
  readonly bytesLoaded: number;
  readonly steps: number;
  readonly cachedSteps: number;
  readonly buildMs: number;
}

/**
 * Makes in-tree images usable in an engine as a builder would, parents first: one that the store or the engine has is taken,
 * the others are built by the step of the builders. Nothing is published. Names that the engine had stay what they were.
 */
export class LocalBuilder {
  readonly #deps: LocalBuildDeps;
  readonly #described: ReadonlyMap<string, DescribedImage>;
  readonly #made = new Map<string, Promise<LocalImage>>();

  /** Of images with all their parents. */
  constructor(deps: LocalBuildDeps, described: readonly DescribedImage[]) {
    this.#deps = deps;
    this.#described = new Map(described.map((image) => [image.name, image]));
  }

  /** `rebuild`: although it is there; its parents are taken where they are. */
  have(name: string, { rebuild = false }: { readonly rebuild?: boolean } = {}): Promise<LocalImage> {
    const made = this.#made.get(name) ?? this.#have(name, rebuild);
    this.#made.set(name, made);
    return made;
  }

  async #have(name: string, rebuild: boolean): Promise<LocalImage> {
    const image = this.#described.get(name);
    if (!image) throw new InternalError(`Image "${name}" was not described`);
    const find = async (): Promise<LocalImage | undefined> =>
      rebuild || image.imageHash === null ? undefined : this.#find(image, image.imageHash);
    const found = await find();
    if (found) return found;
    const { parent } = image.definition;
    const parentImage = parent === undefined ? undefined : await this.have(parent);
    // Whoever was waited for has built the same, perhaps.
    return this.#deps.alone(
      async () => (await find()) ?? this.#build(image, parentImage, { fresh: rebuild }),
    );
  }

  async #find(image: DescribedImage, imageHash: string): Promise<LocalImage | undefined> {
    const { engine, store, domain, level, onProgress, say, signal } = this.#deps;
    const { name, contextHash } = image;
    const reference = ownReference(imageHash);
    const facts = { name, contextHash, imageHash, reference, steps: 0, cachedSteps: 0, buildMs: 0 };
    const parent = this.#described.get(image.definition.parent ?? '');
    const parentEntry = await this.#storedParent(parent);
    let isOnFormer = false;
    const stored = await store.index.find({ domain, name, imageHash }, level, async (entry) => {
      if (!(await isWhole(store.blobs, entry.manifestDigest, signal))) return false;
      const isFormer = parentEntry !== undefined && standsOnFormer(entry, parentEntry);
      isOnFormer ||= isFormer;
      return !isFormer;
    });
    if (stored) {
      const { taskId } = stored.entry;
      say(`${name}: in the store, built by ${taskId}`);
      const { engineImageId, bytesLoaded, way } = await engine.images.load(stored.entry, {
        tag: imageHash,
        signal,
        onProgress,
      });
      const outcome = way === 'present' ? 'present' : 'loaded';
      return { ...facts, engineImageId, outcome, taskId, bytesLoaded };
    }
    // Once the new parent is here, what stands on the former one is seen to be older.
    if (isOnFormer && parent) await this.have(parent.name);
    const engineImageId = await engine.images.find(reference);
    if (engineImageId === undefined) return undefined;
    const newer = await this.#newerParent(image, imageHash);
    if (newer !== undefined) {
      say(`${name}: in the engine, but its parent ${newer} was built again since`);
      return undefined;
    }
    say(`${name}: in the engine, built before`);
    await engine.images.use(reference);
    return { ...facts, engineImageId, outcome: 'present', bytesLoaded: 0 };
  }

  async #storedParent(parent: DescribedImage | undefined): Promise<IndexEntry | undefined> {
    if (!parent || parent.imageHash === null) return undefined;
    const { store, domain, level, signal } = this.#deps;
    const { name, imageHash } = parent;
    const found = await store.index.find({ domain, name, imageHash }, level, (entry) =>
      isWhole(store.blobs, entry.manifestDigest, signal),
    );
    return found?.entry;
  }

  /** The nearest of its parents of which this engine has another build, made later than the image itself. */
  async #newerParent(image: DescribedImage, imageHash: string): Promise<string | undefined> {
    const { images } = this.#deps.engine;
    const own = await images.describe(ownReference(imageHash));
    let below = own;
    let parent = this.#described.get(image.definition.parent ?? '');
    while (own && parent && parent.imageHash !== null) {
      const its = await images.describe(ownReference(parent.imageHash));
      // What only copies from a parent and finds all as before keeps its time of before.
      const isNewer = its && its.createdMs > own.createdMs && its.engineImageId !== below?.ground;
      // The same layers, made once more, are the same parent.
      if (isNewer && !its.layers.every((layer, at) => layer === own.layers[at])) return parent.name;
      below = its;
      parent = this.#described.get(parent.definition.parent ?? '');
    }
    return undefined;
  }

  async #build(
    image: DescribedImage,
    parent: LocalImage | undefined,
    { fresh }: { readonly fresh: boolean },
  ): Promise<LocalImage> {
    const { engine, tree, say, signal } = this.#deps;
    const { name, definition, contextHash, imageHash } = image;
    say(`${name}: building`);
    const local = await this.#inputsHere(image, parent);
    const hash = imageHash ?? computeImageHash(local);
    const verified = { name, context: definition.context, hasParent: parent !== undefined };
    const buildContext = await openVerified(tree, { ...verified, inputs: local, imageHash: hash }, signal);
    const reference = ownReference(imageHash ?? `local-${hash}`);
    // The same each time, so that a build which was killed leaves no name that the next does not take away.
    const own = createHash('sha256').update(`local ${hash}`).digest('hex');
    const [tag, parentTag] = [`slipway.invalid/build:${own}`, `slipway.invalid/parent:${own}`];
    try {
      const toBuild = { name, inputs: image.inputs, buildContext, parent, fresh };
      const built = await buildInEngine(engine, toBuild, { ...this.#deps, tag, parentTag });
      await engine.images.tag(built.engineImageId, reference);
      await engine.images.use(reference);
      await nameBases(engine, image.inputs);
      return { name, contextHash, imageHash, reference, outcome: 'built', bytesLoaded: 0, ...built };
    } finally {
      await engine.images.remove(tag).catch(() => undefined);
      await engine.images.remove(parentTag).catch(() => undefined);
    }
  }

  /** With what stands in for bases that have no record: the images that this engine has under their names, or pulls. */
  async #inputsHere(image: DescribedImage, parent: LocalImage | undefined): Promise<ImageInputs> {
    const { engine, say, signal, onProgress } = this.#deps;
    const bases: Record<string, string> = { ...image.inputs.bases };
    const { platform } = image.inputs;
    for (const base of image.missingBases) {
      bases[base] =
        (await engine.images.find(base)) ?? (await pull(engine, base, { platform, say, signal, onProgress }));
    }
    const parentHash = parent && (parent.imageHash ?? parent.reference);
    return { ...image.inputs, bases, parent: parentHash ?? null };
  }
}

async function pull(
  engine: Engine,
  reference: string,
  {
    platform,
    say,
    signal,
    onProgress,
  }: Pick<LocalBuildDeps, 'say' | 'signal' | 'onProgress'> & { readonly platform: string },
): Promise<string> {
  say(`${reference}: pulling, since it has no record`);
  try {
    const { engineImageId } = await engine.images.pull(reference, { platform, signal, onProgress });
    // As the next build finds it: by its name, which may be that of an index.
    return (await engine.images.find(reference)) ?? engineImageId;
  } catch (error) {
    if (isSlipwayError(error) && ['ImageUnavailable', 'EngineRequestFailed'].includes(error.type))
      throw new BaseUnavailable(reference, error.message, { cause: error });
    throw error;
  }
}

/** Gives bases the names that people know where those are free, so that a build without a server finds them. */
async function nameBases(engine: Engine, { bases }: ImageInputs): Promise<void> {
  for (const [reference, digest] of Object.entries(bases)) {
    if (reference.includes('@') || (await engine.images.find(reference)) !== undefined) continue;
    await engine.images.tag(ownReference(tagOfBase(digest)), reference);
  }
}
