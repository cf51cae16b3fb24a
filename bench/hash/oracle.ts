import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ensureTaskgraph } from '../../test/helpers/taskgraph.ts';
import { CONTEXT } from './make-trees.ts';
import type { Hashed } from './hash-once.ts';

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

/** Gives what hashes the context of a checkout by taskgraph. */
export async function openOracle(
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<(checkout: string) => Promise<Hashed>> {
  const python = await ensureTaskgraph(env, signal);
  return async (checkout) => {
    const { stdout } = await run(python, ['-c', SCRIPT, checkout, CONTEXT]);
    return JSON.parse(stdout) as Hashed;
  };
}
