import { createCipheriv, createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';
import { tinyProgram } from '../../test/helpers/tiny-program.ts';

export interface ImageShape {
  readonly name: string;
  /** Bytes of each layer, uncompressed, from the first to the last. */
  readonly layers: readonly number[];
}

/** Of each block as much is noise, the rest zeros: it compresses about as well as a distribution's files. */
const NOISE = 0.4;
const BLOCK_BYTES = 64 * 1024;
/** So that the engine's cache knows a layer again. */
const NO_TIME = new Date(0);

/**
 * Builds an image of layers of given sizes, whose command is a program that ends at once. Layers with the same seed have
 * the same bytes, so two images share what comes before the first seed that differs.
 */
export async function makeImage(
  docker: Docker,
  {
    shape,
    seeds,
    tag,
    from,
  }: {
    readonly shape: ImageShape;
    readonly seeds: readonly string[];
    readonly tag: string;
    /** An image of this kind that the layers come on top of. */
    readonly from?: string;
  },
): Promise<void> {
  // In no directory of their own: its time would differ from build to build where the engine's cache does not help.
  const steps = shape.layers.map((_, i) => `COPY layer-${i} /${from === undefined ? 'layer' : 'added'}-${i}`);
  const beginning =
    from === undefined ? ['FROM scratch', 'COPY run /run-it', 'CMD ["/run-it"]'] : [`FROM ${from}`];
  const dockerfile = [...beginning, ...steps, ''].join('\n');
  const tar = pack();
  const packing = writeContext(tar, shape, seeds, dockerfile);
  const stream = (await docker.buildImage(tar as unknown as NodeJS.ReadableStream, {
    t: tag,
    rm: true,
    forcerm: true,
  })) as Readable;
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error, output: readonly { readonly error?: string }[]) => {
      const message = error?.message ?? output.find((line) => line.error)?.error;
      if (message === undefined) resolve();
      else reject(new Error(`The image ${tag} could not be built: ${message}`));
    });
  });
  await packing;
}

async function writeContext(
  tar: Pack,
  { layers }: ImageShape,
  seeds: readonly string[],
  dockerfile: string,
): Promise<void> {
  tar.entry({ name: 'Dockerfile', mtime: NO_TIME }, dockerfile);
  tar.entry({ name: 'run', mode: 0o755, mtime: NO_TIME }, tinyProgram('ran\n'));
  for (const [i, sizeBytes] of layers.entries()) {
    const entry = tar.entry({ name: `layer-${i}`, size: sizeBytes, mtime: NO_TIME });
    await pipeline(
      Readable.from(blocks(seeds[i] ?? '', sizeBytes)),
      entry as unknown as NodeJS.WritableStream,
    );
  }
  tar.finalize();
}

function* blocks(seed: string, sizeBytes: number): Generator<Buffer> {
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  for (let left = sizeBytes; left > 0; left -= BLOCK_BYTES) {
    const block = Buffer.alloc(Math.min(BLOCK_BYTES, left));
    const noise = Math.ceil(block.length * NOISE);
    cipher.update(block.subarray(0, noise)).copy(block);
    yield block;
  }
}
