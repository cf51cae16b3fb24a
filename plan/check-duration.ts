import { parseDuration } from '../model/pure/duration.ts';
import type { FindingList } from './finding-list.ts';
import { shorten } from '../model/shorten.ts';
import type { YamlPath } from './yaml-positions.ts';

type Duration = number | string;

/** Finds a duration that is none, or that is no time at all. */
export function checkDuration(duration: Duration | undefined, path: YamlPath, list: FindingList): void {
  if (duration === undefined) return;
  const seconds = durationSeconds(duration);
  if (seconds !== undefined && Number.isSafeInteger(seconds) && seconds > 0) return;
  const message =
    seconds === undefined
      ? `"${shorten(String(duration))}" is no duration`
      : `"${shorten(String(duration))}" is ${seconds === 0 ? 'no time at all' : 'longer than can be counted'}`;
  list.error(path, message, { hint: durationHint(duration) });
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
  const word = UNITS[unit.toLowerCase().replace(/s$/, '')] ?? UNITS[unit.toLowerCase()];
  if (count !== undefined && word && Number(count) > 0) return `write "${count} ${word}"`;
  return 'write seconds, such as 1800, or words, such as "30 minutes" or "1 hour 30 minutes"';
}
