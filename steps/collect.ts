import type { Closure } from '../docker/endpoint/closure.ts';
import { readClosure } from '../docker/endpoint/closure.ts';
import { findDamage } from '../docker/transport/damage.ts';
import type { BlobStore } from '../model/blob-store.ts';
import type { Digest, Level } from '../model/pure/ids.ts';
import { LEVELS } from '../model/pure/ids.ts';
import type { CollectInput, CollectionReport } from '../model/schema/collection.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import { lifeMsOf } from '../model/schema/config.ts';
import { Rehearsal } from '../store/collect/rehearsal.ts';
import { KINDS, Tally } from '../store/collect/tally.ts';
import type { Store } from '../store/store.ts';
import type { StepContext } from './step-context.ts';

/** Blobs are everybody's: they are collected by those who may read all levels, and take blobs away. */
const BLOBS_LEVEL: Level = Math.max(...LEVELS) as Level;

/**
 * Takes away what of one level has outlived its life, and with the highest level the blobs that nothing reaches any more.
 * Safe to repeat and to kill: what is there afterwards is whole. What was cut off among the tasks goes on there.
 */
export async function collect(
  {
    store,
    config,
    rehearsal = new Rehearsal(),
  }: {
    readonly store: Store;
    readonly config: ServerConfig;
    /** What dry runs of other levels would have taken away before. */
    readonly rehearsal?: Rehearsal;
  },
  { level, dryRun }: CollectInput,
  { signal, onProgress, course }: Pick<StepContext, 'signal' | 'onProgress' | 'course'>,
): Promise<CollectionReport> {
  const tally = new Tally();
  const options = { tally, signal };
  const collector = dryRun ? store.collector.rehearse(rehearsal) : store.collector;
  onProgress({ message: `level ${level}: looking for what has outlived its life` });
  await collector.expire({ ...options, level, lifeMs: lifeMsOf(config, level), course });
  let blobs: CollectionReport['blobs'] = `left to level 3`;
  if (level === BLOBS_LEVEL) {
    const reached = new Set<Digest>();
    onProgress({ message: 'blobs: following everything that names an image' });
    const isMine = await collector.collectBlobs({
      ...options,
      lifeMs: (ofLevel) => lifeMsOf(config, ofLevel),
      follow: (manifest) => follow(store, { manifest, reached, tally, signal }),
      isReachable: (digest) => reached.has(digest),
    });
    blobs = isMine ? 'collected' : 'another collection is going on';
  }
  return {
    level,
    dryRun,
    after: course?.after,
    kinds: KINDS.flatMap((kind) => {
      const sums = tally.kinds.get(kind);
      return sums ? [{ kind, ...sums }] : [];
    }),
    blobs,
    damaged: { count: tally.damagedCount, first: tally.damaged },
  };
}

/** Undefined when it cannot be read twice: much hangs on it, and a body may be damaged on its way. */
async function read(blobs: BlobStore, manifest: Digest, signal: AbortSignal): Promise<Closure | undefined> {
  for (let tries = 1; tries <= 2; tries += 1) {
    try {
      return await readClosure(blobs, manifest, signal);
    } catch (error) {
      const isNoManifest = error instanceof TypeError || error instanceof SyntaxError;
      if (!isNoManifest && !findDamage(error, manifest)) throw error;
    }
  }
  return undefined;
}

/** Adds a manifest and what it names. One that is missing or damaged reaches nothing but itself: it is no image any more. */
async function follow(
  { blobs }: Store,
  {
    manifest,
    reached,
    tally,
    signal,
  }: {
    readonly manifest: Digest;
    readonly reached: Set<Digest>;
    readonly tally: Tally;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  if (reached.has(manifest)) return;
  const closure = await read(blobs, manifest, signal);
  const parts = closure ? [...closure.manifests.keys(), ...closure.blobs.keys()] : [manifest];
  for (const digest of parts) reached.add(digest);
  if (!closure) tally.cannotRead(manifest);
}
