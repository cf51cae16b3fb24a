import { randomBytes, randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { pack } from 'tar-stream';

/** The engine that integration tests use, or one line on how to get it. */
export function testEngine(): Docker {
  const address = process.env['SLIPWAY_TEST_ENGINE'];
  if (!address)
    throw new Error(
      'SLIPWAY_TEST_ENGINE is not set: give it the address of a Docker Engine, for example unix:///var/run/docker.sock',
    );
  return new Docker({ socketPath: address.replace(/^unix:\/\//, '') });
}

export interface Layer {
  readonly [path: string]: Buffer | string;
}

/**
 * Makes an image of exactly these files without running anything: FROM scratch, then one COPY for each layer. The same files are the same
 * layer, whenever and wherever it is made.
 */
export async function makeImage(
  docker: Docker,
  options: { readonly layers: readonly Layer[]; readonly from?: string },
): Promise<{ tag: string; id: string }> {
  const tag = `slipway-test/${randomUUID()}:1`;
  const context = pack();
  const lines = [`FROM ${options.from ?? 'scratch'}`, `LABEL slipway.test=1`];
  options.layers.forEach((layer, at) => {
    const fixed = { mode: 0o755, mtime: new Date(0) };
    // Else the engine makes them, with the time of that.
    for (const path of directoriesOf(layer))
      context.entry({ ...fixed, name: posix.join(String(at), path, '/'), type: 'directory' });
    for (const [path, content] of Object.entries(layer))
      context.entry({ ...fixed, name: `${at}/${path}` }, content);
    lines.push(`COPY ${at}/ /`);
  });
  lines.push('CMD ["/bin/true"]');
  context.entry({ name: 'Dockerfile' }, `${lines.join('\n')}\n`);
  context.finalize();
  const stream = await docker.buildImage(Readable.from(context), { t: tag, rm: true, forcerm: true });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error, output: { error?: string }[]) => {
      const failed = error?.message ?? output.find((line) => line.error)?.error;
      if (failed) reject(new Error(failed));
      else resolve();
    });
  });
  return { tag, id: (await docker.getImage(tag).inspect()).Id };
}

/** Directories of a layer, each before what is in it. */
function directoriesOf(layer: Layer): readonly string[] {
  const found = new Set<string>(['.']);
  for (const path of Object.keys(layer)) {
    const parts = path.split('/').slice(0, -1);
    for (const [at] of parts.entries()) found.add(parts.slice(0, at + 1).join('/'));
  }
  return [...found];
}

/** Removes images; those that are gone already are no matter. */
export async function removeImages(docker: Docker, references: readonly string[]): Promise<void> {
  for (const reference of references)
    await docker
      .getImage(reference)
      .remove({ force: true })
      .catch((error: { statusCode?: number }) => {
        if (error.statusCode !== 404) throw error;
      });
}

/** A file that does not compress, so that sizes on the wire are about its own. */
export function noise(sizeBytes: number): Buffer {
  return randomBytes(sizeBytes);
}
