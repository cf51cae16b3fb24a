import type { Level } from '../model/pure/ids.ts';
import type { OpenStore } from '../store/open-store.ts';

/** For so long after an answer the store is not asked for its time: what counts are minutes. */
const FRESH_MS = 30_000;

/** How many milliseconds this machine's clock is ahead of the store's; undefined when the store does not tell. */
export function clockOffset(
  { objects }: { readonly objects: Pick<OpenStore['objects'], 'clock' | 'head'> },
  level: Level,
): () => Promise<number | undefined> {
  return async () => {
    // Whatever the answer is: it is dated.
    if (objects.clock.now(FRESH_MS) === undefined)
      await objects.head(`level-${level}/clock`).catch(() => undefined);
    const time = objects.clock.now(FRESH_MS);
    return time === undefined ? undefined : Date.now() - time;
  };
}
