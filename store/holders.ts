import type { Digest, Level } from '../model/pure/ids.ts';
import type { Lifetimes } from './blob-claims.ts';
import { encodeSegment, holdersPrefix } from './keys.ts';
import type { ObjectStore } from './object-store.ts';

const HOUR_MS = 3_600_000;

/** Which engines have loaded which images lately: hints, which nobody has to believe. */
export interface Holders {
  note(level: Level, manifestDigest: Digest, engineId: string): Promise<void>;
  /** Ids of engines, the last that was noted first; none that was noted longer than an hour ago. */
  list(level: Level, manifestDigest: Digest): Promise<readonly string[]>;
}

/** `level-<L>/holders/<manifest>/<engineId>`: an engine that has an image. A listing says it all. */
export function createHolders(
  objects: ObjectStore,
  { now = () => new Date() }: Pick<Lifetimes, 'now'>,
): Holders {
  return {
    async note(level, manifestDigest, engineId) {
      const body = Buffer.from(JSON.stringify({ engineId }));
      const key = holdersPrefix(level, manifestDigest) + encodeSegment(engineId);
      await objects.put(key, body, { contentType: 'application/json' });
    },

    async list(level, manifestDigest) {
      const prefix = holdersPrefix(level, manifestDigest);
      const found: { readonly engineId: string; readonly notedMs: number }[] = [];
      for await (const { key, lastModified } of objects.list(prefix)) {
        const notedMs = lastModified.getTime();
        if (now().getTime() - notedMs < HOUR_MS)
          found.push({ engineId: decodeURIComponent(key.slice(prefix.length)), notedMs });
      }
      return found.sort((a, b) => b.notedMs - a.notedMs).map(({ engineId }) => engineId);
    },
  };
}
