export { formatBytes, formatMemory } from '../../../model/format-bytes.ts';

/** A duration as a person reads it: `0.4 s`, `12.3 s`, `4 min 05 s`, `2 h 10 min`. */
export function formatDuration(ms: number): string {
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** `14:05 UTC+1`, by the clock of whoever reads it. */
export function clockTime(time: string): string {
  const date = new Date(time);
  return `${joined(':', date.getHours(), date.getMinutes())} ${zoneText(-date.getTimezoneOffset())}`;
}

/** `2026-01-02 14:05:06 UTC+1`, by the same clock. */
export function localTime(time: string): string {
  const date = new Date(time);
  const day = joined('-', date.getFullYear(), date.getMonth() + 1, date.getDate());
  const clock = joined(':', date.getHours(), date.getMinutes(), date.getSeconds());
  return `${day} ${clock} ${zoneText(-date.getTimezoneOffset())}`;
}

/** `UTC`, `UTC+1`, `UTC-3:30`, from how many minutes a clock is ahead. */
export function zoneText(minutesAhead: number): string {
  if (minutesAhead === 0) return 'UTC';
  const minutes = Math.abs(minutesAhead);
  const rest = minutes % 60 === 0 ? '' : `:${joined(':', minutes % 60)}`;
  return `UTC${minutesAhead < 0 ? '-' : '+'}${Math.floor(minutes / 60)}${rest}`;
}

function joined(by: string, ...parts: readonly number[]): string {
  return parts.map((part) => String(part).padStart(2, '0')).join(by);
}

/** `1 task`, `2 tasks`, `no task`. */
export function count(number: number, noun: string): string {
  if (number === 0) return `no ${noun}`;
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** The first twelve digits of a hash or revision, enough for people. */
export function short(hash: string | null): string {
  return hash?.slice(0, 12) ?? 'unknown';
}
