import type { Level } from '../model/pure/ids.ts';
import { LEVELS } from '../model/pure/ids.ts';

/** The levels that a level may read, highest first. */
export function readableLevels(level: Level): readonly Level[] {
  return LEVELS.filter((other) => other >= level).sort((a, b) => b - a);
}

/** Where a domain of a level may read: highest level first; within a level, what is trusted more first. */
export function readablePlaces(domain: string, level: Level): readonly (readonly [Level, string])[] {
  return readableLevels(level).flatMap((readLevel) =>
    readableDomains(domain).map((readDomain) => [readLevel, readDomain] as const),
  );
}

/** The trust domains that a domain may read: a fork's `<domain>~pr<N>` reads its project's first, then its own. */
export function readableDomains(domain: string): readonly string[] {
  const [project = domain] = domain.split('~', 1);
  return project === domain ? [domain] : [project, domain];
}
