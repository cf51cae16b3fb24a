import { LONGEST_SECONDS, parseDuration } from '../model/pure/duration.ts';
import type { FindingList } from './finding-list.ts';
import { shorten } from '../model/shorten.ts';
import { ownValue } from './values.ts';
import type { YamlPath } from './yaml-positions.ts';

type Duration = number | string;

/** Finds a duration that is none, that is no time at all, or that is longer than what is to be counted. */
export function checkDuration(
  duration: Duration | undefined,
  path: YamlPath,
  list: FindingList,
  mostSeconds = LONGEST_SECONDS,
): void {
  if (duration === undefined) return;
  const seconds = durationSeconds(duration);
  if (seconds !== undefined && seconds > 0 && seconds <= mostSeconds) return;
  const written = `"${shorten(String(duration))}"`;
  if (seconds === undefined) list.error(path, `${written} is no duration`, { hint: durationHint(duration) });
  else if (seconds === 0) list.error(path, `${written} is no time at all`, { hint: durationHint(duration) });
  else
    list.error(path, `${written} is longer than can be counted`, {
      hint: `${mostSeconds / 86_400} days is the most`,
    });
}

/** Seconds of a duration as the file has it: a number of them, or words. */
export function durationSeconds(duration: Duration): number | undefined {
  return typeof duration === 'number' ? duration : parseDuration(duration);
}

const UNITS: Readonly<Record<string, string>> = {
  s: 'seconds',
  sec: 'seconds',
  m: 'minutes',
  min: 'minutes',
  h: 'hours',
  hr: 'hours',
  d: 'days',
  w: 'weeks',
  y: 'years',
};

function durationHint(duration: Duration): string {
  const [, count, unit = ''] = /^\s*(\d{1,9})\s*([a-z]*)\s*$/i.exec(String(duration)) ?? [];
  if (count !== undefined && unit === '' && Number(count) > 0) return `write ${count} without quotes`;
  const word = ownValue(UNITS, unit.toLowerCase().replace(/s$/, '')) ?? ownValue(UNITS, unit.toLowerCase());
  if (count !== undefined && word && Number(count) > 0) return `write "${count} ${word}"`;
  return 'write seconds, such as 1800, or words, such as "30 minutes" or "1 hour 30 minutes"';
}
