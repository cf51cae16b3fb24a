import type { Level } from '../../model/pure/ids.ts';
import { LEVELS } from '../../model/pure/ids.ts';
import { levelsOf } from '../../model/schema/config.ts';
import type { ServerConfig } from '../../model/schema/config.ts';

/** What local repositories have, and what a main branch usually has. */
const ALWAYS: readonly Level[] = [1, 3];

/** Levels that `up` serves, each by one worker process: those, and all that the configuration gives to a ref. */
export function servedLevels(config: ServerConfig | undefined): readonly Level[] {
  const named = config ? levelsOf(config) : [];
  return LEVELS.filter((level) => ALWAYS.includes(level) || named.includes(level));
}
