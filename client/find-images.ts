import { describeStoredImage } from '../docker/transport/stored-image.ts';
import { findDamage } from '../docker/transport/damage.ts';
import { isSlipwayError, NotFound } from '../model/errors.ts';
import type { Digest, ImageCoordinates, Level } from '../model/pure/ids.ts';
import { DIGEST_PATTERN, imageTaskId, parseId } from '../model/pure/ids.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { PushImage } from '../model/schema/records.ts';
import { readPush } from '../steps/read-push.ts';
import type { Store } from '../store/store.ts';
import { nameInTarball, ownReference } from '../model/engine-names.ts';
import { lackOfImage } from './describe-lack.ts';

/** An image of the store that somebody named. */
export interface FoundImage {
  /** For people: `lint`, or what a task named. */
  readonly name: string;
  readonly stored: StoredImage;
  /** The last part of its name in an engine, `slipway.invalid/image:<tag>`: an image hash, or what stands in for one. */
  readonly tag: string;
  /** The name that its tarball carries. */
  readonly tarName: string;
  /** Its own task; absent for an image from outside. */
  readonly taskId?: string;
}

/** Images of the store that somebody named, and those of them that cannot be had. */
export interface FoundImages {
  readonly images: readonly FoundImage[];
  readonly missing: readonly MissingImage[];
}

export interface MissingImage {
  readonly name: string;
  /** Why, for people. */
  readonly why: string;
}

/** What the index has under an image's own task. @throws {NotFound} */
export async function findImageOfTask(store: Store, taskId: string): Promise<FoundImage> {
  const id = parseId(taskId);
  if (id?.kind !== 'image') throw new NotFound(`"${taskId}" is no image`);
  const found = await store.index.find(id, id.level);
  if (!found) throw new NotFound(`Image ${taskId} is not in the index: it was not built, or was taken away`);
  return inTree(id, found.entry, found.entry.taskId);
}

/** The image that a task ran in, by the record of its newest run that had one. @throws {NotFound} */
export async function findImageTaskRanIn(store: Store, taskId: string): Promise<FoundImage> {
  const record = await store.tasks.find(taskId);
  if (!record) throw new NotFound(`Task ${taskId} has no record: it has not begun, or there is no such task`);
  const name = record.image ?? 'its image';
  const digest = record.runs.findLast(({ manifestDigest }) => manifestDigest !== undefined)?.manifestDigest;
  if (digest === undefined)
    throw new NotFound(`No run of ${taskId} had an image of the store; it is to run in ${name}`);
  const plan = record.pushId === undefined ? undefined : await store.pushes.findPlan(record.pushId);
  const planned = plan?.images.find((image) => image.name === name);
  const found = await findByDigest(store, digest, name);
  const id = planned?.imageHash ? parseId(planned.taskId) : undefined;
  if (id?.kind === 'image') return inTree(id, found.stored, imageTaskId(id));
  // As runners name a base in their engines.
  return { ...found, tag: `base-${found.tag}` };
}

/**
 * The images of a push that are there, and why the others are not; `name` chooses one of them.
 * @throws {NotPlanned} while nobody knows which it has. @throws {NotFound} when none is there.
 */
export async function findImagesOfPush(
  store: Store,
  pushId: string,
  name: string | undefined,
): Promise<FoundImages> {
  const { images: all } = await readPush(store, pushId, []);
  const wanted = name === undefined ? all : all.filter((image) => image.name === name);
  if (wanted.length === 0) throw await lackOfImage(store, pushId, name);
  const images: FoundImage[] = [];
  const missing: MissingImage[] = [];
  for (const found of await Promise.all(wanted.map((image) => findOrMiss(store, pushId, image))))
    if ('why' in found) missing.push(found);
    else images.push(found);
  if (images.length === 0) throw new NotFound(missing.map(({ why }) => why).join('; '));
  return { images, missing };
}

/** An image by its manifest's digest. @throws {NotFound} */
export async function findByDigest(store: Store, digest: string, name?: string): Promise<FoundImage> {
  const stored = await storedImage(store, digest);
  const tag = digest.slice('sha256:'.length);
  return { name: name ?? `image ${tag.slice(0, 12)}`, stored, tag, tarName: ownReference(tag) };
}

/**
 * The newest image of each name and hash in some trust domains whose image hash begins so, as a push of that level sees them.
 * A digest is found in any domain.
 */
export async function findByHash(
  store: Store,
  prefix: string,
  where: { readonly domains: readonly string[]; readonly level: Level; readonly name?: string | undefined },
): Promise<readonly FoundImage[]> {
  if (DIGEST_PATTERN.test(prefix)) return [await findByDigest(store, prefix)];
  const found = new Map<string, FoundImage>();
  for (const domain of where.domains) {
    for await (const { key, entry } of store.index.list(domain, where.level, where.name)) {
      const place = `${key.domain}/${key.name}/${key.imageHash}`;
      if (!key.imageHash.startsWith(prefix) || found.has(place)) continue;
      found.set(place, inTree(key, entry, entry.taskId));
    }
  }
  return [...found.values()];
}

/** As the index has it. */
export function inTree(
  { name, imageHash }: Pick<ImageCoordinates, 'name' | 'imageHash'>,
  stored: StoredImage,
  taskId: string,
): FoundImage {
  const { manifestDigest, configDigest, diffIds, sizeBytes } = stored;
  return {
    name,
    stored: { manifestDigest, configDigest, diffIds, sizeBytes },
    tag: imageHash,
    tarName: nameInTarball({ name, imageHash }),
    taskId,
  };
}

async function findImageOfPush(store: Store, pushId: string, image: PushImage): Promise<FoundImage> {
  const { name, taskId, imageHash, outcome, manifestDigest } = image;
  if (manifestDigest === undefined || imageHash === null)
    throw new NotFound(`Image ${name} of ${pushId} is not there: it is ${outcome}`);
  return inTree({ name, imageHash }, await storedImage(store, manifestDigest), taskId);
}

async function findOrMiss(
  store: Store,
  pushId: string,
  image: PushImage,
): Promise<FoundImage | MissingImage> {
  try {
    return await findImageOfPush(store, pushId, image);
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'NotFound') throw error;
    return { name: image.name, why: error.message };
  }
}

/** Reads an image's manifest back. @throws {NotFound} when the store has none, or only a part of it. */
async function storedImage(store: Store, digest: string): Promise<StoredImage> {
  try {
    return await describeStoredImage(store.blobs, digest as Digest);
  } catch (error) {
    const damage = findDamage(error, digest);
    if (!damage) throw error;
    throw new NotFound(`Image ${digest} is not in the store any more: it lacks ${damage.digest}`, {
      cause: error,
    });
  }
}
