import type { Level } from '../../model/pure/ids.ts';
import { LEVELS } from '../../model/pure/ids.ts';
import { levelsOf } from '../../model/schema/config.ts';
import type { ServerConfig } from '../../model/schema/config.ts';

/** What local repositories have. */
const LOCAL: readonly Level[] = [1];
/** That, and what a main branch usually has. */
const ALWAYS: readonly Level[] = [...LOCAL, 3];

/** Levels that `up` serves, each by one worker process: those, and all that the configuration gives to a ref. */
export function servedLevels(config: ServerConfig | undefined): readonly Level[] {
  return withNamed(ALWAYS, config);
}

/** Levels that a push can have: those that workers by hand have to serve. */
export function pushedLevels(config: ServerConfig | undefined): readonly Level[] {
  return withNamed(config?.localProjects === false ? [] : LOCAL, config);
}

function withNamed(levels: readonly Level[], config: ServerConfig | undefined): readonly Level[] {
  const named = config ? levelsOf(config) : [];
  return LEVELS.filter((level) => levels.includes(level) || named.includes(level));
}
