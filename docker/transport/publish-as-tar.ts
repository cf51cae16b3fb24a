import type { Readable } from 'node:stream';
import type { PublishResult, StepOptions } from '../engine.ts';
import { importImageTar } from './import-tar.ts';
import type { TransportContext } from './transport-context.ts';

/** Publishes by `docker save`: everything is written out by the engine, then split into the same kind of blobs as a push makes. */
export async function publishAsTar(
  { docker, blobs }: TransportContext,
  image: string,
  { signal, onProgress }: StepOptions,
): Promise<PublishResult> {
  const tar = (await docker.getImage(image).get()) as Readable;
  const stop = (): unknown => tar.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { stored, bytesWritten } = await importImageTar(blobs, tar, { signal, onProgress });
    return { ...stored, bytesUploaded: bytesWritten, way: 'tar' };
  } finally {
    signal.removeEventListener('abort', stop);
    tar.destroy();
  }
}
