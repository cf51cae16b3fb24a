import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { BlobStore } from '../../model/blob-store.ts';
import { mapConcurrently } from '../../model/concurrently.ts';
import { ImageTarRefused, isSlipwayError } from '../../model/errors.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { isForPlatform } from '../images/platform-of-image.ts';
import { readDockerArchive } from './archive-manifest.ts';
import type { ArchivedImage, ImageParts } from './archived-image.ts';
import { chooseImage } from './archived-image.ts';
import { asDamage } from './compression.ts';
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
  /** Chooses among the platforms of an image, default `linux/amd64`. */
  readonly platform?: string | undefined;
  /** Refuses an image that says it is for another platform; else one that is the only one there is taken all the same. */
  readonly isPlatformAsked?: boolean | undefined;
}

export interface ImportedTar {
  readonly stored: StoredImage;
  /** Bytes of blobs that the store lacked. */
  readonly bytesWritten: number;
}

const platformSchema = z.object({
  os: z.string().default('linux'),
  architecture: z.string().default('amd64'),
});

/** Layers that are kept in memory are stored so many at once. */
const SIDE_BY_SIDE = 4;

/**
 * Splits an image tar (of any engine, or one that a task made: plain, gzip or zstd; docker-archive, OCI layout or legacy) into
 * blobs and a manifest. The tar is hostile input: nothing of it is written anywhere but as blobs under digests that were
 * computed here, and the manifest, without which they are nobody's, comes last.
 * @throws {ImageTarRefused} saying what is wrong with it. @throws {LayerNotKnown} when one of `known` was not what it was taken for.
 */
export async function importImageTar(
  blobs: BlobStore,
  tar: Readable,
  options: ImportOptions,
): Promise<ImportedTar> {
  let trouble: Error | undefined;
  try {
    return await take(
      blobs,
      noteFailure(tar, (error) => (trouble = error)),
      options,
    );
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

async function take(
  blobs: BlobStore,
  tar: AsyncIterable<unknown>,
  options: ImportOptions,
): Promise<ImportedTar> {
  const { platform = 'linux/amd64', isPlatformAsked = false } = options;
  const archive = await readArchive(blobs, tar, options);
  const parts = chooseImage(imagesOf(archive, platform), options.name).open();
  const layers = await takeLayers(archive, parts);
  const diffIds = layers.map(({ diffId }) => diffId);
  const config = parts.config(diffIds);
  refuseOtherLayers(parseDiffIds(config), diffIds);
  if (isPlatformAsked) expectPlatform(config, platform);

  const { stored, bytesWritten } = await writeImage(blobs, { config, diffIds, layers }, options.signal);
  return { stored, bytesWritten: archive.bytesWritten() + bytesWritten };
}

/** Where an archive is both, `manifest.json` and the OCI layout name the same; the former has the names. */
function imagesOf(archive: Archive, platform: string): readonly ArchivedImage[] {
  if (archive.has('manifest.json')) return readDockerArchive(archive);
  if (archive.has('index.json')) return readOciArchive(archive, platform);
  if (archive.has('repositories')) return readLegacyArchive(archive);
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

/** @throws {TypeError} saying which one the image is for. */
export function expectPlatform(config: Buffer, platform: string): void {
  const parsed = platformSchema.safeParse(JSON.parse(config.toString('utf8')));
  if (!parsed.success) throw new TypeError(`not an image config: ${z.prettifyError(parsed.error)}`);
  const { os, architecture } = parsed.data;
  if (!isForPlatform({ os, architecture }, platform))
    throw new TypeError(`it holds no image for ${platform}, but for ${os}/${architecture}`);
}

function refuseOtherLayers(expected: readonly Digest[], got: readonly Digest[]): void {
  if (expected.length !== got.length || expected.some((diffId, at) => diffId !== got[at]))
    throw new TypeError(
      `its config names other layers than it holds: ${expected.join(' ')}, not ${got.join(' ')}`,
    );
}
