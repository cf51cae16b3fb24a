import { importImageTar } from '../docker/transport/import-tar.ts';
import type { ImportedTar } from '../docker/transport/import-tar.ts';
import { ImageUnavailable, isSlipwayError } from '../model/errors.ts';
import type { Level } from '../model/pure/ids.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { TarballRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { isWhole } from './image-closure.ts';
import { recordLayers } from './record-layers.ts';
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
 * The image that a tarball is: as it was imported before, by whoever of this level or a higher one, or imported now. Safe to
 * repeat and to race: everything is written under its own digest.
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
    isWhole(store.blobs, record.manifestDigest, context.signal),
  );
  if (found) return { stored: imageOf(found) };
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
    const body = await store.artifacts.read(taskId, run, path, signal);
    imported = await importImageTar(store.blobs, body, { signal, onProgress, name, platform });
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'ImageTarRefused')
      throw new ImageUnavailable(shown, error.message, { cause: error });
    throw error;
  }
  const { stored, bytesWritten, layers } = imported;
  await recordLayers(store, { domain, level }, { layers });
  await store.tarballs.record(domain, level, {
    version: 1,
    ...stored,
    sha256,
    ...(name === undefined ? {} : { name }),
    imported: new Date().toISOString(),
  });
  return { stored, bytesWritten };
}

function imageOf({ manifestDigest, configDigest, diffIds, sizeBytes }: TarballRecord): StoredImage {
  return { manifestDigest, configDigest, diffIds, sizeBytes };
}
