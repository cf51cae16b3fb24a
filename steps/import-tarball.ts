import { importImageTar } from '../docker/transport/import-tar.ts';
import type { ImportedTar } from '../docker/transport/import-tar.ts';
import { readByHints } from '../docker/transport/known-layers.ts';
import type { KnownLayer } from '../docker/transport/known-layers.ts';
import type { StoredLayer } from '../docker/transport/store-layer.ts';
import { ImageUnavailable, isSlipwayError } from '../model/errors.ts';
import type { Digest, Level } from '../model/pure/ids.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { TarballRecord } from '../model/schema/records.ts';
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

/** Imports that go on in this process: tasks that begin together wait for one. */
const going = new Map<string, Promise<TarballImport>>();

/**
 * The image that a tarball is: as it was imported before, by whoever of this level or a higher one, or imported now. It lives on
 * from now, and stays at least until it is loaded. Safe to repeat and to race: everything is written under its own digest.
 * @throws {ImageUnavailable} saying what is wrong with the tarball.
 */
export async function importTarball(
  store: Store,
  tarball: Tarball,
  place: { readonly domain: string; readonly level: Level; readonly platform: string },
  context: Pick<StepContext, 'signal' | 'onProgress'>,
): Promise<TarballImport> {
  const { domain, level } = place;
  const { sha256, name } = tarball;
  const found = await store.tarballs.find(domain, level, { sha256, name }, (record) =>
    isWholeToStay(store.blobs, record.manifestDigest, context.signal),
  );
  if (found) {
    await store.tarballs.use(domain, level, { sha256, name });
    return { stored: imageOf(found) };
  }
  const key = JSON.stringify([domain, level, sha256, name]);
  const other = going.get(key);
  // One that somebody else gave up is nobody's answer.
  if (other) return other.catch(() => importTarball(store, tarball, place, context));
  const importing = importNow(store, tarball, place, context).finally(() => going.delete(key));
  going.set(key, importing);
  return importing;
}

async function importNow(
  store: Store,
  tarball: Tarball,
  { domain, level, platform }: { readonly domain: string; readonly level: Level; readonly platform: string },
  { signal, onProgress }: Pick<StepContext, 'signal' | 'onProgress'>,
): Promise<TarballImport> {
  const { taskId, run, path, sha256, name } = tarball;
  signal.throwIfAborted();
  const shown = `${path} of ${taskId}`;
  const record = await store.artifacts.find(taskId, run, path);
  if (!record) throw new ImageUnavailable(shown, 'the artifact is not there any more');
  if (record.sha256 !== sha256)
    throw new ImageUnavailable(shown, `it is ${record.sha256} and not ${sha256}, as it was planned`);
  onProgress({ message: `importing ${shown}`, bytes: record.sizeBytes });
  let imported: ImportedTar;
  try {
    const read = () => store.artifacts.read(taskId, run, path, signal);
    const onLayer = (layer: StoredLayer): Promise<void> => noteLayer(store, { domain, level, sha256 }, layer);
    const options = { signal, onProgress, name, platform, onLayer };
    const known = await layersOfBefore(store, { domain, level, sha256 }, signal);
    const findLayers = (diffId: Digest) => store.index.findLayers(domain, level, diffId);
    imported = await readByHints(async (isTrusted) =>
      importImageTar(store.blobs, await read(), { ...options, known, findLayers, isTrusted }),
    );
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'ImageTarRefused')
      throw new ImageUnavailable(shown, error.message, { cause: error });
    throw error;
  }
  const { stored, bytesWritten } = imported;
  await store.tarballs.record(domain, level, {
    version: 1,
    ...stored,
    sha256,
    ...(name === undefined ? {} : { name }),
    imported: new Date().toISOString(),
  });
  return { stored, bytesWritten };
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
