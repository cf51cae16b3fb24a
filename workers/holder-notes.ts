import type { Digest, Level } from '../model/pure/ids.ts';
import type { LoadedImage } from '../model/pure/payloads.ts';
import type { Store } from '../store/store.ts';
import type { Parts } from './parts.ts';

/** Often enough for what counts for an hour, and seldom against the runs of a busy machine. */
const NOTE_EVERY_MS = 10 * 60_000;

/** Says in the store which images of it an engine has loaded, beside the runs: what comes of it is a hint. */
export function createHolderNotes(
  { store, logger }: Pick<Parts, 'logger'> & { readonly store: Pick<Store, 'holders'> },
  engineId: string,
): (level: Level, loaded: Pick<LoadedImage, 'manifestDigest'>) => void {
  const noted = new Map<string, number>();
  return (level, { manifestDigest }) => {
    if (manifestDigest === undefined) return;
    const digest = manifestDigest as Digest;
    const now = performance.now();
    if (now - (noted.get(digest) ?? -Infinity) < NOTE_EVERY_MS) return;
    for (const [other, at] of noted) if (now - at >= NOTE_EVERY_MS) noted.delete(other);
    noted.set(digest, now);
    store.holders
      .note(level, digest, engineId)
      .catch((error: unknown) => logger.warn({ error }, 'It was not noted that an image is here'));
  };
}
