import type { Readable } from 'node:stream';
import { importImagesOfTar, importImageTar } from '../docker/transport/import-tar.ts';
import type { ImportedTar, ImportOptions } from '../docker/transport/import-tar.ts';
import { readByHints } from '../docker/transport/known-layers.ts';
import type { KnownLayer } from '../docker/transport/known-layers.ts';
import type { StoredLayer } from '../docker/transport/store-layer.ts';
import { ImageUnavailable, isSlipwayError } from '../model/errors.ts';
import { levelOf } from '../model/pure/ids.ts';
import type { Digest, Level } from '../model/pure/ids.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { ArtifactRecord, TarballRecord } from '../model/schema/records.ts';
import { isRefused } from '../store/s3-errors.ts';
import type { Store } from '../store/store.ts';
import { isWholeToStay } from './image-closure.ts';
import type { StepContext } from './step-context.ts';

/** A tarball that a task left, known by its bytes. */
export interface Tarball {
  readonly taskId: string;
  readonly run: number;
  readonly path: string;
  readonly sha256: string;
  /** Chooses among several images. */
  readonly name?: string | undefined;
}

export interface TarballImport {
  readonly stored: StoredImage;
  /** Bytes of blobs that the store lacked; undefined when the tarball was imported before. */
  readonly bytesWritten?: number;
}

export interface TarballImports {
  /** The names by which each is found that was imported; the only one of a tarball may have none. */
  readonly names: readonly (readonly string[])[];
  /** How many images the tarball holds. */
  readonly count: number;
  /** As that of one image. */
  readonly bytesWritten?: number;
}

interface ImportPlace {
  readonly domain: string;
  readonly level: Level;
  readonly platform: string;
}

/** Names that are kept: those that tools write, and not all that somebody can. */
const KEPT_NAME = /^[!-~]{1,160}$/;
/** Of one image. */
const MOST_NAMES = 10;

/** Imports that go on in this process: tasks that begin together wait for one. */
const going = new Map<string, Promise<TarballImport>>();

/**
 * The image that a tarball is on a platform: as it was imported before, by whoever of this level or a higher one, or imported now.
 * It lives on from now, and stays at least until it is loaded. Safe to repeat and to race: everything is written under its own digest.
 * @throws {ImageUnavailable} saying what is wrong with the tarball.
 */
export async function importTarball(
  store: Store,
  tarball: Tarball,
  place: ImportPlace,
  context: Pick<StepContext, 'signal' | 'onProgress'>,
): Promise<TarballImport> {
  const { domain, level, platform } = place;
  const { sha256, name } = tarball;
  const found = await findImported(store, { sha256, name }, place, context.signal);
  if (found) return { stored: imageOf(found) };
  const key = JSON.stringify([domain, level, platform, sha256, name]);
  const other = going.get(key);
  // One that somebody else gave up is nobody's answer.
  if (other) return other.catch(() => importTarball(store, tarball, place, context));
  const importing = importNow(store, tarball, place, context).finally(() => going.delete(key));
  going.set(key, importing);
  return importing;
}

/**
 * The images that a tarball holds, each under its names, so that whoever may not read the tarball finds them. The only one of a
 * tarball may have been imported before; several are read once more. Safe to repeat and to race.
 * @throws {ImageTarRefused} saying why it is none that can be used. @throws {ImageUnavailable} when it is gone.
 */
export async function importWholeTarball(
  store: Store,
  tarball: Omit<Tarball, 'name'>,
  place: ImportPlace,
  context: Pick<StepContext, 'signal' | 'onProgress'>,
): Promise<TarballImports> {
  const { sha256 } = tarball;
  const found = await findImported(store, { sha256 }, place, context.signal);
  if (found) return { names: [found.names ?? []], count: 1 };
  const { images, count, bytesWritten } = await readTarball(
    store,
    tarball,
    { place, context },
    (tar, options) => importImagesOfTar(store.blobs, tar, options),
  );
  const kept = images.map(({ names, ...image }) => ({
    names: names.filter((name) => KEPT_NAME.test(name)).slice(0, MOST_NAMES),
    ...image,
  }));
  for (const { names, ...image } of kept)
    if (count === 1) await recordImport(store, place, { sha256, names }, image);
    else for (const name of names) await recordImport(store, place, { sha256, name }, image);
  return { names: kept.map(({ names }) => names), count, bytesWritten };
}

/** It is used from now. */
async function findImported(
  { tarballs, blobs }: Store,
  tarball: Pick<Tarball, 'sha256' | 'name'>,
  { domain, level, platform }: ImportPlace,
  signal: AbortSignal,
): Promise<TarballRecord | undefined> {
  const wanted = { ...tarball, platform };
  const found = await tarballs.find(domain, level, wanted, (record) =>
    isWholeToStay(blobs, record.manifestDigest, signal),
  );
  if (found) await tarballs.use(domain, level, wanted);
  return found;
}

async function importNow(
  store: Store,
  tarball: Tarball,
  place: ImportPlace,
  context: Pick<StepContext, 'signal' | 'onProgress'>,
): Promise<TarballImport> {
  const { sha256, name } = tarball;
  let imported: ImportedTar;
  try {
    imported = await readTarball(store, tarball, { place, context }, (tar, options) =>
      importImageTar(store.blobs, tar, { ...options, name }),
    );
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'ImageTarRefused')
      throw new ImageUnavailable(shownAs(tarball), error.message, { cause: error });
    throw error;
  }
  await recordImport(store, place, { sha256, name }, imported);
  const { stored, bytesWritten } = imported;
  return { stored, bytesWritten };
}

/** Reads a tarball, as often as it has to be read. */
async function readTarball<T>(
  store: Store,
  tarball: Tarball,
  where: { readonly place: ImportPlace; readonly context: Pick<StepContext, 'signal' | 'onProgress'> },
  take: (tar: Readable, options: ImportOptions) => Promise<T>,
): Promise<T> {
  const { domain, level, platform } = where.place;
  const { signal, onProgress } = where.context;
  const { taskId, run, path, sha256 } = tarball;
  signal.throwIfAborted();
  const record = await findArtifact(store, tarball, level);
  if (!record) throw new ImageUnavailable(shownAs(tarball), 'the artifact is not there any more');
  if (record.sha256 !== sha256)
    throw new ImageUnavailable(
      shownAs(tarball),
      `it is ${record.sha256} and not ${sha256}, as it was planned`,
    );
  onProgress({ message: `importing ${shownAs(tarball)}`, bytes: record.sizeBytes });
  const onLayer = (layer: StoredLayer): Promise<void> => noteLayer(store, { domain, level, sha256 }, layer);
  const known = await layersOfBefore(store, { domain, level, sha256 }, signal);
  const findLayers = (diffId: Digest) => store.index.findLayers(domain, level, diffId);
  const options = { signal, onProgress, platform, onLayer, known, findLayers };
  return readByHints(async (isTrusted) =>
    take(await store.artifacts.read(taskId, run, path, signal), { ...options, isTrusted }),
  );
}

function shownAs({ path, taskId }: Tarball): string {
  return `${path} of ${taskId}`;
}

async function findArtifact(
  { artifacts }: Store,
  tarball: Tarball,
  level: Level,
): Promise<ArtifactRecord | undefined> {
  const { taskId, run, path, name } = tarball;
  try {
    return await artifacts.find(taskId, run, path);
  } catch (error) {
    const its = levelOf(taskId);
    // Of another level keys may read what it shares, and no more; of their own they may read all, so that this will pass.
    if (its === level || !isRefused(error)) throw error;
    const which = name === undefined ? 'this image' : `an image named ${name} of it`;
    throw new ImageUnavailable(shownAs(tarball), `it is of level ${its}, which has not shared ${which}`, {
      cause: error,
    });
  }
}

/** Last of all: whoever finds it has all of the image. */
function recordImport(
  { tarballs }: Store,
  { domain, level, platform }: ImportPlace,
  tarball: Pick<TarballRecord, 'sha256' | 'name' | 'names'>,
  { stored, isByPlatform }: Pick<ImportedTar, 'stored' | 'isByPlatform'>,
): Promise<void> {
  return tarballs.record(domain, level, {
    version: 1,
    ...stored,
    ...tarball,
    ...(isByPlatform ? { platform } : {}),
    imported: new Date().toISOString(),
  });
}

interface TarballPlace {
  readonly domain: string;
  readonly level: Level;
  readonly sha256: string;
}

/** For whoever imports it again, if this import comes to no end, and for whoever has the same layer and only the tar way. */
async function noteLayer(
  { index, sent }: Store,
  { domain, level, sha256 }: TarballPlace,
  { diffId, digest, sizeBytes, mediaType, source }: StoredLayer,
): Promise<void> {
  await index.recordLayer(domain, level, diffId, digest);
  // One that came compressed is stored as it came.
  if (source.digest === diffId)
    await sent.recordLayer(domain, level, sha256, {
      ...{ diffId, digest, sizeBytes, mediaType },
      unpackedBytes: source.sizeBytes,
    });
}

/** Layers that an import stored which came to no end: they are only read once more, to see that they are the same. */
async function layersOfBefore(
  { blobs, sent }: Store,
  { domain, level, sha256 }: TarballPlace,
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, KnownLayer>> {
  const known = new Map<Digest, KnownLayer>();
  for (const layer of await sent.layersOf(domain, level, sha256))
    if ((await blobs.claim(layer.digest, signal))?.sizeBytes === layer.sizeBytes)
      known.set(layer.diffId, layer);
  return known;
}

function imageOf({ manifestDigest, configDigest, diffIds, sizeBytes }: TarballRecord): StoredImage {
  return { manifestDigest, configDigest, diffIds, sizeBytes };
}
