import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createContextHashCache } from '../../images/context-hash-cache.ts';
import { openCheckout } from '../../source/git-source.ts';
import { makePlan } from '../../steps/make-plan.ts';
import type { Hashed } from './hash-once.ts';
import { makeManyImages, makeTree, SHAPES } from './make-trees.ts';
import type { TreeShape } from './make-trees.ts';
import { openOracle } from './oracle.ts';
import type { HashRow } from './report.ts';
import { hashReport } from './report.ts';

const HASH_ONCE = fileURLToPath(new URL('hash-once.ts', import.meta.url));
const run = promisify(execFile);

export interface BenchHashOptions {
  /** Where trees are made; several GB are needed. */
  readonly directory: string;
  readonly runs: number;
  readonly command: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Hashes large contexts by taskgraph and by Slipway in turns; gives the report's section. @throws when a hash differs */
export async function benchHash(options: BenchHashOptions): Promise<string> {
  const { directory, runs, command, say, signal } = options;
  await mkdir(directory, { recursive: true });
  const scratch = await mkdtemp(join(directory, 'hash-'));
  try {
    const oracle = await openOracle(process.env, signal);
    const rows: HashRow[] = [];
    for (const shape of SHAPES) rows.push(await benchTree(shape, { ...options, scratch, oracle }));
    const many = await makeManyImages(join(scratch, 'many'));
    const decision: number[] = [];
    // The first one fills the cache.
    for (let at = 0; at <= runs; at += 1) decision.push(await decide(many, join(scratch, 'cache'), signal));
    say(`plan of many images: ${decision.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    return hashReport(rows, { decision: decision.slice(1), command });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function benchTree(
  shape: TreeShape,
  {
    scratch,
    oracle,
    runs,
    say,
    signal,
  }: BenchHashOptions & {
    readonly scratch: string;
    readonly oracle: (checkout: string) => Promise<Hashed>;
  },
): Promise<HashRow> {
  const directory = join(scratch, shape.name);
  const cache = join(scratch, `cache-${shape.name}`);
  say(`${shape.name}: making ${shape.files} files of ${shape.fileBytes} bytes, and packing them`);
  const { checkout, packed } = await makeTree(directory, shape);
  const ways = {
    oracle: () => oracle(checkout),
    packed: () => hashOnce(packed),
    loose: () => hashOnce(checkout),
    cached: () => hashOnce(packed, cache),
  };
  const found = { oracle: [], packed: [], loose: [], cached: [], again: [] } as Record<
    'again' | keyof typeof ways,
    number[]
  >;
  const hashes = new Set<string>();
  let peakRssBytes = 0;
  const names = Object.keys(ways) as (keyof typeof ways)[];
  // The first round reads everything into the page cache and does not count.
  for (let round = -1; round < runs; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      signal.throwIfAborted();
      const name = names[(turn + round + names.length) % names.length] ?? 'oracle';
      const hashed = await ways[name]();
      hashes.add(hashed.contextHash);
      if (name !== 'oracle') peakRssBytes = Math.max(peakRssBytes, hashed.peakRssBytes);
      if (round < 0) continue;
      found[name].push(hashed.ms);
      if (hashed.againMs !== undefined) found.again.push(hashed.againMs);
      say(`${shape.name}, run ${round + 1}: ${name} ${hashed.ms.toFixed(1)} ms`);
    }
  }
  if (hashes.size !== 1) throw new Error(`The hashes of ${shape.name} differ: ${[...hashes].join(', ')}`);
  await rm(directory, { recursive: true, force: true });
  return { tree: shape.name, ...found, peakRssBytes };
}

async function hashOnce(repository: string, cache?: string): Promise<Hashed> {
  const args = ['--disable-warning=ExperimentalWarning', HASH_ONCE, repository];
  const { stdout } = await run(process.execPath, cache === undefined ? args : [...args, cache]);
  return JSON.parse(stdout) as Hashed;
}

/** Plans everything as `slipway plan` does where no store is reachable. */
async function decide(repository: string, cache: string, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  const tree = openCheckout(repository, 'HEAD');
  const made = await makePlan(tree, undefined, {
    pushId: `push/bench/1/${'0'.repeat(40)}`,
    project: 'bench',
    domain: 'bench',
    level: 1,
    repository,
    ref: 'refs/heads/main',
    request: {},
    platform: 'linux/amd64',
    plannedAt: new Date().toISOString(),
    findChanges: () => Promise.resolve(undefined),
    contextHashes: createContextHashCache(cache),
    signal,
  });
  if (made.outcome !== 'planned' || made.plan.tasks.length !== 200) throw new Error('It was not planned');
  return performance.now() - began;
}
