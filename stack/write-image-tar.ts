import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { pack as createPack } from 'tar-stream';
import { layoutFiles, plainLayer } from '../docker/tarball/image-layout.ts';
import { blobPath } from '../docker/tarball/image-tar.ts';
import { addBuffer, addStream } from '../docker/tarball/tar-entries.ts';
import type { Digest } from '../model/pure/ids.ts';

export interface RootImage {
  /** A tar of the whole file system. */
  readonly layerPath: string;
  /** Name under which an engine has the image once it is loaded. */
  readonly name: string;
  readonly architecture: string;
  /** ISO time that the image carries; a fixed one keeps its digests the same. */
  readonly created: string;
  readonly comment: string;
}

/**
 * Writes an image of one layer as a tar that `docker load` accepts. The same layer and times give the same digests, which
 * `docker import` does not.
 */
export async function writeImageTar(target: string, image: RootImage, signal: AbortSignal): Promise<void> {
  const diffId = await digestOfFile(image.layerPath, signal);
  const { size: sizeBytes } = await stat(image.layerPath);
  const config = Buffer.from(JSON.stringify(imageConfig(image, diffId)));
  const configDigest = digestOf(createHash('sha256').update(config).digest('hex'));

  const pack = createPack();
  const written = pipeline(pack, createWriteStream(target, { mode: 0o600 }), { signal });
  const filled = (async () => {
    await addStream(pack, blobPath(diffId), { body: createReadStream(image.layerPath), sizeBytes });
    await addBuffer(pack, blobPath(configDigest), config);
    const layers = [plainLayer(diffId, sizeBytes)];
    for (const [path, bytes] of layoutFiles({ names: [image.name], config, configDigest, layers }))
      await addBuffer(pack, path, bytes);
    pack.finalize();
  })();
  filled.catch((error: unknown) => pack.destroy(error as Error));
  await Promise.all([filled, written]);
}

function imageConfig(image: RootImage, diffId: Digest): Record<string, unknown> {
  const { architecture, created, comment } = image;
  return {
    architecture,
    os: 'linux',
    created,
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: ['bash'],
    },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, comment }],
  };
}

async function digestOfFile(path: string, signal: AbortSignal): Promise<Digest> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return digestOf(hash.digest('hex'));
}

function digestOf(hex: string): Digest {
  return `sha256:${hex}`;
}
