import { Readable } from 'node:stream';
import { streamImageTar } from '../docker/tarball/image-tar.ts';
import { compressInParallel } from '../docker/transport/compress-in-parallel.ts';
import { nameInTarball } from '../model/engine-names.ts';
import { IMAGE_TARBALL, IMAGE_TARBALL_ZST } from '../model/pure/artifact-names.ts';
import type { ImageCoordinates } from '../model/pure/ids.ts';
import { parseId } from '../model/pure/ids.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';

/** Artifacts of every image build, made as they stream: name and content type. */
export const IMAGE_VIEWS: ReadonlyMap<string, string> = new Map([
  [IMAGE_TARBALL, 'application/x-tar'],
  [IMAGE_TARBALL_ZST, 'application/zstd'],
]);

/** Streams `public/image.tar` of an image, or `public/image.tar.zst`, the same bytes whoever asks. */
export function openImageTarball(
  store: Store,
  id: ImageCoordinates,
  image: StoredImage,
  signal: AbortSignal,
  name: string = IMAGE_TARBALL,
): Readable {
  const tar = streamImageTar(store.blobs, image, {
    names: [nameInTarball(id)],
    signal,
  });
  return name === IMAGE_TARBALL_ZST ? compressTarball(tar) : tar;
}

/** Keeps `public/image.tar` of a build as an object of its own. Safe to repeat and to race: the bytes are the same. */
export function storeTarball(
  store: Store,
  { taskId, run }: { readonly taskId: string; readonly run: number },
  image: StoredImage,
  signal: AbortSignal,
): Promise<ArtifactRecord> {
  const id = parseId(taskId);
  if (id?.kind !== 'image') throw new TypeError(`Not the id of an image: ${taskId}`);
  return store.artifacts.write(taskId, run, IMAGE_TARBALL, openImageTarball(store, id, image, signal), {
    contentType: IMAGE_VIEWS.get(IMAGE_TARBALL) ?? '',
    signal,
  });
}

/** `public/image.tar.zst` of a tarball: the same bytes wherever it is made. */
export function compressTarball(tar: Readable): Readable {
  return Readable.from(compressInParallel(tar, 'zstd'), { objectMode: false });
}
