import type { Readable } from 'node:stream';
import type { BlobStore } from '../../model/blob-store.ts';
import { mapConcurrently } from '../../model/concurrently.ts';
import { ImageTarRefused, isSlipwayError } from '../../model/errors.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { readDockerArchive } from './archive-manifest.ts';
import { readForPlatform } from './archive-of-platforms.ts';
import type { ArchivedImage, ImageParts } from './archived-image.ts';
import { choosableImages, chooseImage } from './archived-image.ts';
import { asDamage } from './compression.ts';
import { expectPlatform } from './config-platform.ts';
import { FileSystemTar } from './file-system-tar.ts';
import { refuseOddConfig } from './image-config.ts';
import { LayerNotKnown } from './known-layers.ts';
import { noteFailure } from './note-failure.ts';
import { readLegacyArchive } from './legacy-archive.ts';
import { readOciArchive } from './oci-archive.ts';
import type { Archive, ArchiveOptions } from './read-archive.ts';
import { LayerAbsent, readArchive } from './read-archive.ts';
import type { StoredLayer } from './store-layer.ts';
import { parseDiffIds } from './stored-image.ts';
import { writeImage } from './write-image.ts';

export interface ImportOptions extends ArchiveOptions {
  /** Chooses among several images, for example `lint:latest`. */
  readonly name?: string | undefined;
  /** Chooses among the platforms of an image; default: the one of `manifest.json`, or `linux/amd64` where there is no such file. */
  readonly platform?: string | undefined;
  /** Refuses an image that says it is for another platform; else one that is the only one there is taken all the same. */
  readonly isPlatformAsked?: boolean | undefined;
}

export interface ImportedTar {
  readonly stored: StoredImage;
  /** For another platform it may be another image. */
  readonly isByPlatform: boolean;
  /** Bytes of blobs that the store lacked. */
  readonly bytesWritten: number;
}

export interface ImportedImages {
  /** With the plain names that are each one's alone; one that is the only one may have none. */
  readonly images: readonly (Pick<ImportedTar, 'stored' | 'isByPlatform'> & {
    readonly names: readonly string[];
  })[];
  /** How many the tar holds, also those that nobody can choose. */
  readonly count: number;
  /** Bytes of blobs that the store lacked. */
  readonly bytesWritten: number;
}

const DEFAULT_PLATFORM = 'linux/amd64';

/** Of a tar that holds more, the others are left alone. */
const MOST_IMAGES = 100;

/** Layers that are kept in memory are stored so many at once. */
const SIDE_BY_SIDE = 4;

/**
 * Splits an image tar (of any engine, or one that a task made: plain, gzip or zstd; docker-archive, OCI layout or legacy) into
 * blobs and a manifest. The tar is hostile input: nothing of it is written anywhere but as blobs under digests that were
 * computed here, and the manifest, without which they are nobody's, comes last.
 * @throws {ImageTarRefused} saying what is wrong with it. @throws {LayerNotKnown} when one of `known` was not what it was taken for.
 */
export function importImageTar(
  blobs: BlobStore,
  tar: Readable,
  options: ImportOptions,
): Promise<ImportedTar> {
  return readImages(blobs, tar, options, async (archive, images) => {
    const taken = await take(blobs, archive, chooseImage(images, options.name), options);
    return { ...taken, bytesWritten: archive.bytesWritten() + taken.bytesWritten };
  });
}

/**
 * The same with each image that can be chosen, of a tar that is read once. One that is refused has all refused.
 * @throws {ImageTarRefused} also when it holds several and none has a name of its own. @throws {LayerNotKnown}
 */
export function importImagesOfTar(
  blobs: BlobStore,
  tar: Readable,
  options: Omit<ImportOptions, 'name'>,
): Promise<ImportedImages> {
  return readImages(blobs, tar, options, async (archive, all) => {
    const images: ImportedImages['images'][number][] = [];
    let documentBytes = 0;
    for (const { image, names } of choosableImages(all).slice(0, MOST_IMAGES)) {
      const { bytesWritten, ...taken } = await take(blobs, archive, image, options);
      images.push({ names, ...taken });
      documentBytes += bytesWritten;
    }
    return { images, count: all.length, bytesWritten: archive.bytesWritten() + documentBytes };
  });
}

async function readImages<T>(
  blobs: BlobStore,
  tar: Readable,
  options: ImportOptions,
  work: (archive: Archive, images: readonly ArchivedImage[]) => Promise<T>,
): Promise<T> {
  let trouble: Error | undefined;
  try {
    const noted = noteFailure(tar, (error) => (trouble = error));
    const archive = await readArchive(blobs, noted, options);
    return await work(archive, imagesOf(archive, options.platform));
  } catch (error) {
    options.signal.throwIfAborted();
    // Trouble of whoever sends it, or of the store, is not the tar's.
    if (trouble) throw trouble;
    if (isSlipwayError(error) || error instanceof LayerNotKnown) throw error;
    const { message } = asDamage('it', error as Error) ?? (error as Error);
    throw new ImageTarRefused(message, { cause: error });
  } finally {
    tar.destroy();
  }
}

/** Gives the bytes that its documents took. */
async function take(
  blobs: BlobStore,
  archive: Archive,
  image: ArchivedImage,
  { platform = DEFAULT_PLATFORM, isPlatformAsked = false, signal }: ImportOptions,
): Promise<ImportedTar> {
  const parts = image.open();
  const layers = await takeLayers(archive, parts);
  const diffIds = layers.map(({ diffId }) => diffId);
  const config = parts.config(diffIds);
  refuseOtherLayers(parseDiffIds(config), diffIds);
  refuseOddConfig(config);
  if (isPlatformAsked) expectPlatform(config, platform);

  const written = await writeImage(blobs, { config, diffIds, layers }, signal);
  return { ...written, isByPlatform: parts.isByPlatform === true };
}

/** Where an archive is both, `manifest.json` has the names; the OCI layout may have other platforms of the same images too. */
function imagesOf(archive: Archive, platform: string | undefined): readonly ArchivedImage[] {
  if (archive.has('manifest.json'))
    return platform === undefined ? readDockerArchive(archive) : readForPlatform(archive, platform);
  if (archive.has('index.json')) return readOciArchive(archive, platform ?? DEFAULT_PLATFORM);
  if (archive.has('repositories')) return readLegacyArchive(archive);
  if (archive.isFileSystem) throw new FileSystemTar();
  throw new TypeError(
    'it is no tar of an image: it has neither manifest.json nor index.json nor repositories',
  );
}

/** What is there is looked at before it is said what is not: nobody else may look at a tar that leaves out layers. */
async function takeLayers(archive: Archive, { layers }: ImageParts): Promise<readonly StoredLayer[]> {
  const absent = layers.find(({ path }) => !archive.has(path));
  const taken = await mapConcurrently(
    layers.filter(({ path }) => archive.has(path)),
    async ({ path, stated }) => {
      const layer = await archive.layer(path);
      const { source } = layer;
      if (stated && (stated.digest !== source.digest || stated.sizeBytes !== source.sizeBytes))
        throw new TypeError(`layer ${stated.digest} has other bytes than its name or size says`);
      return layer;
    },
    SIDE_BY_SIDE,
  );
  if (absent) throw new LayerAbsent(absent.path);
  return taken;
}

function refuseOtherLayers(expected: readonly Digest[], got: readonly Digest[]): void {
  if (expected.length !== got.length || expected.some((diffId, at) => diffId !== got[at]))
    throw new TypeError(
      `its config names other layers than it holds: ${expected.join(' ')}, not ${got.join(' ')}`,
    );
}
