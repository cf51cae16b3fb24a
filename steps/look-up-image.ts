import type { DescribedImage } from '../images/describe-images.ts';
import { imageTaskId, parseId } from '../model/pure/ids.ts';
import type { Level } from '../model/pure/ids.ts';
import { parseDuration } from '../model/pure/duration.ts';
import { IMAGE_TARBALL } from '../model/pure/artifact-names.ts';
import type { BaseToRenew } from '../model/pure/base-payloads.ts';
import type { Explanation } from '../model/schema/explanation.ts';
import type { PlannedImage, StoredImage } from '../model/schema/plan.ts';
import type { IndexEntry } from '../model/schema/records.ts';
import type { TarballKeeping } from '../model/schema/task.ts';
import type { SourceTree } from '../model/source-tree.ts';
import type { Store } from '../store/store.ts';
import { readContextList } from './context-list.ts';
import { explainChanges } from './explain-changes.ts';
import { isWhole } from './image-closure.ts';
import { standsOnFormer } from './former-parent.ts';
import type { PlanBases } from './plan-bases.ts';
import { whyInShort } from './why-words.ts';

export interface LookUpDeps {
  readonly store: Store | undefined;
  readonly tree: SourceTree;
  readonly bases: PlanBases;
  readonly described: ReadonlyMap<string, DescribedImage>;
  readonly domain: string;
  readonly level: Level;
  readonly plannedAt: string;
  /** How images keep their tarball that do not say it themselves; default view. */
  readonly tarball?: TarballKeeping;
  /** Names of images whose rebuild was asked for. */
  readonly rebuild: readonly string[];
  /** Told of each image that is there without the object that it is to have. */
  readonly onTarballMissing?: ((missing: MissingTarball) => void) | undefined;
  readonly signal: AbortSignal;
}

/** A build of an image whose tarball is to be stored, and is not. */
export interface MissingTarball {
  readonly name: string;
  readonly taskId: string;
  readonly run: number;
  readonly stored: StoredImage;
}

/** What a plan says of it that does not store it. */
export const TARBALL_MISSING =
  'its tarball is not stored, since it was built when that was not asked for: a push stores it';

export interface LookedUp {
  readonly image: PlannedImage;
  /** Where it is known. */
  readonly entry?: IndexEntry;
}

/** Looks whether an image is known, and says why it is built when it is not. */
export async function lookUpImage(
  deps: LookUpDeps,
  image: DescribedImage,
  parent: LookedUp | undefined,
): Promise<LookedUp> {
  const found = await findAlone(deps, image, parent);
  const planned = onRebuiltParent(found.image, parent?.image, deps);
  return planned === found.image ? found : { image: planned };
}

async function findAlone(
  deps: LookUpDeps,
  image: DescribedImage,
  parent: LookedUp | undefined,
): Promise<LookedUp> {
  const { domain, level, store } = deps;
  const { name, definition, inputs, contextHash, imageHash, missingBases } = image;
  const bases = basesOf(image).map((base) => ({ base, used: deps.bases.used(base) }));
  const stored = bases.flatMap(({ base, used }) => (used ? [[base.reference, used.stored] as const] : []));
  const notes = bases.flatMap(({ used }) => used?.note ?? []);
  const known = {
    name,
    context: definition.context,
    parent: definition.parent ?? null,
    ...(definition.symbol ? { symbol: definition.symbol } : {}),
    tarball: definition.tarball ?? deps.tarball ?? ('view' as const),
    inputs,
    contextHash,
    imageHash,
    missingBases: [...missingBases],
    ...(stored.length > 0 ? { baseImages: Object.fromEntries(stored) } : {}),
    taskId: imageTaskId({ domain, level, name, imageHash: imageHash ?? 'unknown' }),
  };
  if (!store || imageHash === null) {
    const missing = missingBases.join(', ') || `those of its parent ${definition.parent}`;
    const detail = store ? `no record of its base: ${missing}` : 'no store is reachable';
    const compared = store && (await againstNewest({ ...deps, store }, image));
    const why = explained({ ...compared, reason: 'unknown', detail, notes });
    return { image: { ...known, action: 'unknown', ...why } };
  }
  const { found, tried, passedOver } = await findUsable({ ...deps, store }, image, {
    imageHash,
    parent: parent?.entry,
  });
  if (found) {
    const { entry } = found;
    const { manifestDigest, configDigest, diffIds, sizeBytes } = entry;
    const against = { ...againstOf(entry, imageHash), level: found.level };
    const reused: PlannedImage = {
      ...known,
      taskId: entry.taskId,
      action: 'reuse',
      ...explained({
        reason: 'known',
        against,
        tried,
        notes: [...notes, ...(await tarballNotes({ ...deps, store }, known, entry))],
      }),
      stored: { manifestDigest, configDigest, diffIds, sizeBytes },
      madeBy: entry.taskId,
    };
    return { image: reused, entry };
  }
  const why = await whyBuild({ ...deps, store }, image, passedOver);
  // What is there all the same would answer otherwise.
  const force = ['asked', 'expired', 'parent-rebuilt'].includes(why.reason);
  const built = explained({ tried, notes, ...why });
  return { image: { ...known, action: 'build', ...(force ? { force } : {}), ...built } };
}

/** An image that is there, but whose parent this plan builds again: it would stay on the former one. */
function onRebuiltParent(
  image: PlannedImage,
  parent: PlannedImage | undefined,
  { domain, level }: Pick<LookUpDeps, 'domain' | 'level'>,
): PlannedImage {
  const { name, imageHash, action, explanation } = image;
  if (!parent?.force || action !== 'reuse' || imageHash === null) return image;
  const { stored: _stored, madeBy: _madeBy, ...rest } = image;
  const detail = `its parent ${parent.name} is built again`;
  return {
    ...rest,
    taskId: imageTaskId({ domain, level, name, imageHash }),
    action: 'build',
    force: true,
    ...explained({ ...explanation, reason: 'parent-rebuilt', detail }),
  };
}

/** A tarball is stored when its image is built, if that is asked for by then. */
async function tarballNotes(
  { store, domain, level, onTarballMissing }: LookUpDeps & { readonly store: Store },
  { name, tarball }: Pick<PlannedImage, 'name' | 'tarball'>,
  entry: IndexEntry,
): Promise<readonly string[]> {
  const { taskId, run, manifestDigest, configDigest, diffIds, sizeBytes } = entry;
  const owner = parseId(taskId);
  // What a higher level or another domain has stored is not ours to look for.
  const isOwn = owner?.kind === 'image' && owner.level === level && owner.domain === domain;
  if (tarball !== 'stored' || !isOwn) return [];
  if (await store.artifacts.find(taskId, run, IMAGE_TARBALL)) return [];
  onTarballMissing?.({ name, taskId, run, stored: { manifestDigest, configDigest, diffIds, sizeBytes } });
  return [TARBALL_MISSING];
}

function explained(
  parts: Pick<Explanation, 'reason'> & Partial<Explanation>,
): Pick<PlannedImage, 'why' | 'explanation'> {
  const explanation = { changes: [], tried: [], notes: [], ...parts };
  return { explanation, why: whyInShort(explanation) };
}

interface Usable {
  readonly found?: { readonly entry: IndexEntry; readonly level: Level } | undefined;
  readonly tried: Explanation['tried'];
  /** An entry that is there and does not count, with the reason. */
  readonly passedOver?: PassedOver | undefined;
}

interface PassedOver {
  readonly reason: 'damaged' | 'expired' | 'asked' | 'parent-rebuilt';
  readonly entry: IndexEntry;
}

async function findUsable(
  { store, bases, domain, level, plannedAt, rebuild, signal }: LookUpDeps & { readonly store: Store },
  image: DescribedImage,
  { imageHash, parent }: { readonly imageHash: string; readonly parent: IndexEntry | undefined },
): Promise<Usable> {
  const { name, definition } = image;
  const key = { domain, name, imageHash };
  const oldest = Date.parse(plannedAt) - rebuildAfterMs(definition['rebuild-after']);
  const seen = new Map<string, Explanation['tried'][number]['found']>();
  let passedOver: Usable['passedOver'];
  const found = await store.index.find(key, level, async (entry, storeKey) => {
    const isOld = Date.parse(entry.created) < oldest;
    const reason = rebuild.includes(name)
      ? 'asked'
      : !(await isWhole(store.blobs, entry.manifestDigest, signal))
        ? 'damaged'
        : isOld
          ? 'expired'
          : parent && standsOnFormer(entry, parent)
            ? 'parent-rebuilt'
            : undefined;
    const isPassedOver = reason === 'asked' || reason === 'parent-rebuilt';
    seen.set(storeKey, isPassedOver ? 'passed over' : (reason ?? 'image'));
    if (reason) passedOver ??= { reason, entry };
    return reason === undefined;
  });
  // It is built anew with its bases as they are now.
  if (!found && passedOver?.reason === 'expired') for (const base of basesOf(image)) bases.isRenewed(base);
  const keys = store.index.keysOf(key, level);
  const last = keys.findIndex((storeKey) => seen.get(storeKey) === 'image');
  const tried = keys
    .slice(0, last < 0 ? keys.length : last + 1)
    .map((storeKey) => ({ key: storeKey, found: seen.get(storeKey) ?? ('nothing' as const) }));
  return { found, tried, passedOver };
}

async function whyBuild(
  deps: LookUpDeps & { readonly store: Store },
  image: DescribedImage,
  passedOver: Usable['passedOver'],
): Promise<Pick<Explanation, 'reason'> & Partial<Explanation>> {
  const { level, rebuild } = deps;
  const { name, definition } = image;
  if (passedOver) {
    const { reason, entry } = passedOver;
    const against = { ...againstOf(entry, image.imageHash ?? ''), level };
    const detail = `its parent ${definition.parent} was built again`;
    return { reason, against, ...(reason === 'parent-rebuilt' ? { detail } : {}) };
  }
  if (rebuild.includes(name)) return { reason: 'asked' };
  const compared = await againstNewest(deps, image);
  return compared ? { reason: 'changed', ...compared } : { reason: 'new' };
}

/** In what an image differs from the newest of its name; undefined when none was built. */
async function againstNewest(
  { store, tree, bases, domain, level, described, signal }: LookUpDeps & { readonly store: Store },
  image: DescribedImage,
): Promise<Pick<Explanation, 'against' | 'changes'> | undefined> {
  for await (const newest of store.index.list(domain, level, image.name)) {
    const { entry, key } = newest;
    const list = await readContextList(store, entry);
    const resolved = (reference: string): string | undefined =>
      basesOf(image)
        .filter((base) => base.reference === reference)
        .map((base) => bases.used(base)?.resolved)[0];
    const deps = { store, domain, level, trees: [tree], described, resolved, signal };
    return {
      against: {
        ...againstOf(entry, key.imageHash),
        level: newest.level,
        ...(list ? { repository: list.repository, revision: list.revision } : {}),
      },
      changes: await explainChanges(deps, entry, image),
    };
  }
  return undefined;
}

function againstOf(
  { taskId, run, created }: IndexEntry,
  imageHash: string,
): Omit<NonNullable<Explanation['against']>, 'level'> {
  return { taskId, run, created, imageHash };
}

/** The bases that an image names itself, as far as they have a record. */
function basesOf({ inputs, definition }: DescribedImage): readonly BaseToRenew[] {
  const tracked = definition.base === 'track';
  return Object.keys(inputs.bases).map((reference) => ({ platform: inputs.platform, reference, tracked }));
}

function rebuildAfterMs(duration: number | string | undefined): number {
  if (duration === undefined) return Infinity;
  const seconds = typeof duration === 'number' ? duration : parseDuration(duration);
  return seconds === undefined ? Infinity : seconds * 1000;
}
