import { execFile } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory } from '../../stack/cache-directory.ts';
import { isExecutable } from '../../stack/find-program.ts';
import { CONTEXT } from './make-trees.ts';
import type { Hashed } from './hash-once.ts';

const VERSION = '24.5.1';
const run = promisify(execFile);

/** Without the start of Python and what it imports. */
const SCRIPT = `
import json, resource, sys, time
from taskgraph.util.docker import generate_context_hash
began = time.perf_counter()
digest = generate_context_hash(sys.argv[1], sys.argv[2], {})
ms = (time.perf_counter() - began) * 1000
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"contextHash": digest, "ms": ms, "peakRssBytes": peak}))
`;

/** Python with taskgraph, whose hashes ours equal: from the user's cache, else by pip. Gives what hashes the context of a checkout. */
export async function openOracle(env: NodeJS.ProcessEnv): Promise<(checkout: string) => Promise<Hashed>> {
  const directory = join(cacheDirectory(env), 'tools', `taskgraph-${VERSION}`);
  const python = join(directory, 'bin', 'python');
  if (!(await isExecutable(python))) {
    // A virtual environment knows its own path, so it is not made aside: a marker tells whether it became whole.
    await rm(directory, { recursive: true, force: true });
    const unfinished = join(directory, 'bin', 'python.unfinished');
    await run('python3', ['-m', 'venv', directory]);
    await rename(python, unfinished);
    const packages = [`taskcluster-taskgraph==${VERSION}`];
    await run(unfinished, ['-m', 'pip', '--quiet', 'install', ...packages]);
    await rename(unfinished, python);
  }
  return async (checkout) => {
    const { stdout } = await run(python, ['-c', SCRIPT, checkout, CONTEXT]);
    return JSON.parse(stdout) as Hashed;
  };
}
