import type { Readable } from 'node:stream';
import { NotFound } from '../model/errors.ts';
import type { ImageCoordinates } from '../model/pure/ids.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { IndexEntry } from '../model/schema/records.ts';
import { IMAGE_VIEWS, openImageTarball } from '../steps/image-tarball.ts';
import type { Store } from '../store/store.ts';
import type { ListedArtifact } from './api.ts';
import { findByDigest } from './find-images.ts';

export interface TarballWanted {
  readonly id: ImageCoordinates;
  readonly taskId: string;
  /** `public/image.tar` or the compressed one. */
  readonly name: string;
  /** Undefined: of the build that the index names, else of the newest one that has it. */
  readonly run?: number | undefined;
  readonly signal: AbortSignal;
}

/** The tarballs of an image that are made as they stream: of the build that the index names, where it has not stored them. */
export async function listViews(
  store: Store,
  id: ImageCoordinates,
  stored: readonly Pick<ListedArtifact, 'run' | 'name'>[],
): Promise<readonly ListedArtifact[]> {
  const run = (await store.index.find(id, id.level))?.entry.run;
  if (run === undefined) return [];
  const names = new Set(stored.filter((artifact) => artifact.run === run).map(({ name }) => name));
  return [...IMAGE_VIEWS]
    .filter(([name]) => !names.has(name))
    .map(([name, contentType]) => ({ name, run, contentType }));
}

/**
 * The tarball of one build of an image: the bytes that it has stored, whatever became of the image since; else the image that
 * it built, as it streams. @throws {NotFound}
 */
export async function openTarballOfRun(
  store: Store,
  wanted: TarballWanted,
): Promise<{ readonly body: Readable; readonly sizeBytes?: number }> {
  const { id, taskId, name, signal } = wanted;
  const entry = (await store.index.find(id, id.level))?.entry;
  // The build in the index may be another level's, whose runs have numbers of their own.
  const known = wanted.run === undefined ? entry : undefined;
  const owner = known?.taskId ?? taskId;
  const run = known?.run ?? wanted.run ?? (await newestStored(store, wanted));
  const stored = run === undefined ? undefined : await store.artifacts.find(owner, run, name);
  if (run !== undefined && stored) {
    const body = await store.artifacts.read(owner, run, name, signal);
    return { body, sizeBytes: stored.sizeBytes };
  }
  const image = known ?? (await imageOfRun(store, wanted, { entry, run }));
  return { body: openImageTarball(store, id, image, signal, name) };
}

async function newestStored(store: Store, { taskId, name }: TarballWanted): Promise<number | undefined> {
  const record = await store.tasks.find(taskId);
  return record?.runs.findLast(({ artifacts }) => artifacts.some((artifact) => artifact.name === name))?.run;
}

async function imageOfRun(
  store: Store,
  { taskId, name }: TarballWanted,
  { entry, run }: { readonly entry: IndexEntry | undefined; readonly run: number | undefined },
): Promise<StoredImage> {
  if (run === undefined)
    throw new NotFound(`Image ${taskId} is not in the index, and no build of it has kept "${name}"`);
  if (entry?.taskId === taskId && entry.run === run) return entry;
  const record = await store.tasks.find(taskId);
  const digest = record?.runs.find((other) => other.run === run)?.manifestDigest;
  if (digest !== undefined) return (await findByDigest(store, digest)).stored;
  // One that another level has built is known by a run of its own.
  if (entry && entry.taskId !== taskId && entry.run === run) return entry;
  throw new NotFound(`Run ${run} of ${taskId} has no artifact "${name}"`);
}
