import type { Readable } from 'node:stream';
import { streamImageTar } from '../docker/tarball/image-tar.ts';
import type { ImageCoordinates } from '../model/pure/ids.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';

/** Streams `public/image.tar` of an image, the same bytes whoever asks: stored or made on the way. */
export function openImageTarball(
  store: Store,
  id: ImageCoordinates,
  image: StoredImage,
  signal: AbortSignal,
): Readable {
  return streamImageTar(store.blobs, image, {
    names: [`slipway.invalid/${id.name}:${id.imageHash}`],
    signal,
  });
}
