import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkflowBundle } from '@temporalio/worker';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { Logger } from 'pino';
import { forgetUnused } from '../model/forget-unused.ts';
import { makeStateDirectory } from '../model/make-state-directory.ts';
import { startStopwatch } from '../model/stopwatch.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Everything that goes into the bundle; a change in one of these makes a new one. */
const INPUTS = ['workflows', 'model/pure'];

/** A bundle, or one that a start was killed over. */
const BUNDLE = /^workflows-[0-9a-f]{16}\.js(?:\.\d+)?$/;

/**
 * The workflow code as one file, made once per content and kept in the state directory: bundling takes seconds. Those of other versions
 * are kept while they are used.
 */
export async function workflowBundle(stateDirectory: string, logger: Logger): Promise<WorkflowBundle> {
  const directory = join(stateDirectory, 'cache');
  const path = join(directory, `workflows-${(await inputsHash()).slice(0, 16)}.js`);
  const cached = await readFile(path, 'utf8').catch(() => undefined);
  await forgetUnused(path, (name) => BUNDLE.test(name));
  if (cached !== undefined) return { code: cached };
  const took = startStopwatch();
  const bundle = await bundleWorkflowCode({
    workflowsPath: join(ROOT, 'workflows', 'index.ts'),
    logger: new DefaultLogger('INFO', ({ level, message }) => {
      if (level === 'WARN' || level === 'ERROR') logger.warn(message);
    }),
  });
  logger.info({ ms: took() }, 'Made the bundle of the workflow code');
  await makeStateDirectory(stateDirectory);
  await mkdir(directory, { recursive: true });
  // Two workers may start at once: whoever is last replaces the file by the same bytes.
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, bundle.code);
  await rename(temporary, path);
  return bundle;
}

async function inputsHash(): Promise<string> {
  const hash = createHash('sha256');
  hash.update(await readFile(join(ROOT, 'package-lock.json')));
  for (const input of INPUTS) {
    for (const name of (await readdir(join(ROOT, input))).sort()) {
      hash.update(`${input}/${name}\0`).update(await readFile(join(ROOT, input, name)));
    }
  }
  return hash.digest('hex');
}
