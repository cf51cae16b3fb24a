import { z } from 'zod';
import type { Level } from '../model/pure/ids.ts';
import { changeJson, readUsableJson } from './json-object.ts';
import { platformKey } from './keys.ts';
import type { ObjectStore } from './object-store.ts';

const platformSchema = z.object({ version: z.literal(1), platform: z.string() });

/** The platform that images of a level have which name none: that of its control workers, for those who ask from another machine. */
export interface Platforms {
  /** Written by control workers only. Cheap where it is so already. */
  note(level: Level, platform: string): Promise<void>;
  /** Undefined where no control worker of the level has started yet. */
  find(level: Level): Promise<string | undefined>;
}

/** `level-<L>/platform.json`: written when a control worker starts. */
export function createPlatforms(objects: ObjectStore): Platforms {
  return {
    async note(level, platform) {
      await changeJson(objects, platformKey(level), {
        schema: platformSchema,
        change: (present) => (present?.platform === platform ? present : { version: 1 as const, platform }),
        overDamage: true,
      });
    },

    find: async (level) => (await readUsableJson(objects, platformKey(level), platformSchema))?.platform,
  };
}
