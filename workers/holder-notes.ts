import type { Digest } from '../model/pure/ids.ts';
import type { TaskInput } from '../model/pure/payloads.ts';
import type { Parts } from './parts.ts';

/** Often enough for what counts for an hour, and seldom against the runs of a busy machine. */
const NOTE_EVERY_MS = 10 * 60_000;

/** Says in the store which images an engine has loaded, beside the runs: what comes of it is a hint. */
export function createHolderNotes(
  { store, logger }: Pick<Parts, 'store' | 'logger'>,
  engineId: string,
): (task: Pick<TaskInput, 'image' | 'level'>) => void {
  const noted = new Map<string, number>();
  return ({ image, level }) => {
    if (!image) return;
    const digest = image.manifestDigest as Digest;
    const now = performance.now();
    if (now - (noted.get(digest) ?? -Infinity) < NOTE_EVERY_MS) return;
    for (const [other, at] of noted) if (now - at >= NOTE_EVERY_MS) noted.delete(other);
    noted.set(digest, now);
    store.holders
      .note(level, digest, engineId)
      .catch((error: unknown) => logger.warn({ error }, 'It was not noted that an image is here'));
  };
}
