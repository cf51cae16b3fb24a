/**
 * Hashes the context of a repository in a process of its own, so that its memory can be told, and says what came of it as JSON.
 * With a cache: first so that it is filled, then a tree that was just opened (`ms`), and once more (`againMs`).
 */
import { openBuildContext } from '../../images/build-context.ts';
import { createContextHashCache } from '../../images/context-hash-cache.ts';
import { openCheckout } from '../../source/git-source.ts';
import { CONTEXT } from './make-trees.ts';

export interface Hashed {
  readonly contextHash: string;
  readonly ms: number;
  readonly againMs?: number;
  readonly peakRssBytes: number;
}

const [repository = '', cacheDirectory] = process.argv.slice(2);
const cache = cacheDirectory === undefined ? undefined : createContextHashCache(cacheDirectory);
const definition = { imageName: 'big', context: CONTEXT, args: {}, hasParent: false };
const hash = async (tree = openCheckout(repository, 'HEAD')): Promise<string> =>
  (await openBuildContext(tree, definition, { cache })).contextHash;

if (cache) await hash();
const tree = openCheckout(repository, 'HEAD');
const began = performance.now();
const contextHash = await hash(tree);
const ms = performance.now() - began;
const againMs = cache ? await timeAgain() : {};
const peakRssBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ contextHash, ms, ...againMs, peakRssBytes } satisfies Hashed));

async function timeAgain(): Promise<{ againMs: number }> {
  const from = performance.now();
  await hash(tree);
  return { againMs: performance.now() - from };
}
