import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { modernPrograms } from './classic-engine.ts';
import { testEngine } from './engine-images.ts';
import { requireEnv } from './require-env.ts';

/** Makes an image of a builder's sidecar that has the newest engine in it; gives its name in the engine of the tests. */
export async function makeModernSidecar(): Promise<string> {
  const tag = 'slipway-test/modern-sidecar:1';
  const from = requireEnv('SLIPWAY_TEST_SIDECAR_IMAGE', "the image of the builder's sidecar");
  const docker = testEngine();
  const context = pack();
  context.entry({ name: 'Dockerfile' }, `FROM ${from}\nCOPY bin/ /usr/local/bin/\n`);
  const directory = modernPrograms();
  for (const name of await readdir(directory))
    context.entry(
      { name: `bin/${name}`, mode: 0o755, mtime: new Date(0) },
      await readFile(join(directory, name)),
    );
  context.finalize();
  const stream = await docker.buildImage(Readable.from(context), { t: tag });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error, output: { error?: string }[]) => {
      const failed = error?.message ?? output.find((line) => line.error)?.error;
      if (failed) reject(new Error(failed));
      else resolve();
    });
  });
  return tag;
}
