const UNIT_SECONDS: Readonly<Record<string, number>> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86_400,
  week: 604_800,
  month: 2_592_000,
  year: 31_536_000,
};

/** The longest that anything is kept or waited for: 100 years, which dates and timers still count. */
export const LONGEST_SECONDS = 100 * 31_536_000;
/** The longest that a task may take: 3 weeks. A process's timers end before 25 days. */
export const LONGEST_TASK_SECONDS = 21 * 86_400;

const SPOKEN = ['week', 'day', 'hour', 'minute'] as const;

const PART = /(\d+)\s*(second|minute|hour|day|week|month|year)s?/g;
const WHOLE = /^\s*(\d+\s*(second|minute|hour|day|week|month|year)s?\s*)+$/;

/** Seconds of a duration such as `30 days` or `1 hour 30 minutes` (a month has 30 days, a year 365), or undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  if (!WHOLE.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(PART))
    seconds += Number(count) * (UNIT_SECONDS[unit ?? ''] ?? 0);
  return seconds;
}

/** A duration in the words of {@link parseDuration}, in the largest unit that leaves no rest. */
export function formatSeconds(seconds: number): string {
  const unit = SPOKEN.find((name) => seconds > 0 && seconds % (UNIT_SECONDS[name] ?? 1) === 0) ?? 'second';
  const count = seconds / (UNIT_SECONDS[unit] ?? 1);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
