import { isTagged } from './document.ts';

/**
 * A date of a task as a duration from its creation: `{relative-datestamp: 28 days}` as taskgraph writes it, or a date beside one of
 * creation. Another value stays, for the checks to find.
 */
export function durationUntil(date: unknown, created: unknown): unknown {
  if (isTagged(date, 'relative-datestamp')) return date['relative-datestamp'];
  const seconds = (Date.parse(String(date)) - Date.parse(String(created))) / 1000;
  return Number.isFinite(seconds) ? Math.round(seconds) : date;
}
