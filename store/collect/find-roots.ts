import { z } from 'zod';
import type { Digest, Level } from '../../model/pure/ids.ts';
import { DIGEST_PATTERN, LEVELS } from '../../model/pure/ids.ts';
import { readUsableJson } from '../json-object.ts';
import { levelPrefix } from '../keys.ts';
import type { ObjectStore } from '../object-store.ts';
import { forEachConcurrently } from '../../model/concurrently.ts';
import type { Tally } from './tally.ts';

const named = z.looseObject({ manifestDigest: z.string().optional() });

/** Of each kind of record only what names an image: whatever else is wrong with one, what it names is kept. */
const entrySchema = named;
const planSchema = z.looseObject({
  images: z.array(
    z.looseObject({
      stored: named.optional(),
      inputs: z.looseObject({ bases: z.record(z.string(), z.string()) }),
    }),
  ),
  tasks: z
    .array(
      z.looseObject({
        image: z.looseObject({ pinned: z.looseObject({ stored: named.optional() }).optional() }).optional(),
      }),
    )
    .optional(),
});
const statusSchema = z.looseObject({ images: z.array(named) });
const imageRecordSchema = z.looseObject({
  runs: z.array(named.extend({ resolved: z.string().optional() })),
});

/** So large, of what may be 64 MB and takes several times that once it is parsed, is read one after the other. */
const LARGE_BYTES = 1_000_000;

export interface RootsOptions {
  readonly tally: Tally;
  readonly signal: AbortSignal;
  readonly nowMs: number;
  readonly graceMs: number;
  /** How long an image that was built is kept although a later one has its place in the index. */
  readonly lifeMs: (level: Level) => number;
  /** Told of each manifest that a record names, also more than once. */
  readonly onRoot: (manifest: Digest) => Promise<void>;
  /** Asked with each object that is looked at. */
  readonly goOn: () => Promise<void>;
}

/**
 * Everything that names an image, on all levels: index entries and bases, plans and records of pushes, and builds. A record
 * that is there counts: those whose life is over have been removed before.
 */
export async function findRoots(objects: ObjectStore, options: RootsOptions): Promise<void> {
  const { signal } = options;
  const alone = oneByOne();
  for (const level of LEVELS) {
    const walk = (prefix: string, read: (key: string) => Promise<readonly (string | undefined)[]>) =>
      forEachConcurrently(objects.list(prefix, { signal }), async ({ key, sizeBytes }) => {
        await options.goOn();
        for (const digest of await (sizeBytes > LARGE_BYTES ? alone(() => read(key)) : read(key)))
          if (digest !== undefined && DIGEST_PATTERN.test(digest)) await options.onRoot(digest as Digest);
      });
    const read = async <T>(key: string, schema: z.ZodType<T>): Promise<T | undefined> => {
      // Twice, since much hangs on it, and a body may be damaged on its way.
      const value =
        (await readUsableJson(objects, key, schema)) ?? (await readUsableJson(objects, key, schema));
      if (value === undefined && (await objects.head(key, signal))) options.tally.cannotRead(key);
      return value;
    };
    await walk(levelPrefix(level, 'index'), async (key) => [(await read(key, entrySchema))?.manifestDigest]);
    await walk(levelPrefix(level, 'pushes'), async (key) => {
      if (key.endsWith('/plan.json')) return namedByPlan(await read(key, planSchema));
      if (!key.endsWith('/status.json')) return [];
      return (await read(key, statusSchema))?.images.map(({ manifestDigest }) => manifestDigest) ?? [];
    });
    await walk(`${levelPrefix(level, 'tasks')}image/`, async (key) => {
      if (!key.endsWith('/status.json')) return [];
      return countingRuns((await read(key, imageRecordSchema))?.runs ?? [], {
        ...options,
        lifeMs: options.lifeMs(level),
      });
    });
  }
}

function oneByOne(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}

function namedByPlan(plan: z.infer<typeof planSchema> | undefined): (string | undefined)[] {
  const ofImages = (plan?.images ?? []).flatMap(({ stored, inputs }) => [
    stored?.manifestDigest,
    ...Object.values(inputs.bases),
  ]);
  // Images of tasks that were found by the id of their build: a rerun loads them again.
  const ofTasks = (plan?.tasks ?? []).map(({ image }) => image?.pinned?.stored?.manifestDigest);
  return [...ofImages, ...ofTasks];
}

/** What a build made is kept for a life; also when it has only just lost its place in the index, to whoever found it there before. */
function countingRuns(
  runs: z.infer<typeof imageRecordSchema>['runs'],
  { nowMs, graceMs, lifeMs }: { readonly nowMs: number; readonly graceMs: number; readonly lifeMs: number },
): (string | undefined)[] {
  return runs
    .filter(({ resolved }, at) => {
      const replaced = runs.slice(at + 1).find(({ manifestDigest }) => manifestDigest !== undefined);
      const isRecent = (time: string | undefined, withinMs: number): boolean =>
        time !== undefined && Date.parse(time) + withinMs > nowMs;
      return isRecent(resolved, lifeMs) || isRecent(replaced?.resolved, graceMs);
    })
    .map(({ manifestDigest }) => manifestDigest);
}
