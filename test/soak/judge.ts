import type { Measured } from './measure.ts';

/** Caches fill and the engine of JavaScript grows its heap at first. */
const WARM_UP = 0.3;
/** What lies between two levels of a collected heap. */
const RSS_RATIO = 1.1;
const RSS_SLACK_BYTES = 16 * 1024 ** 2;
/** Connections that are kept for the next request. */
const HANDLES_SLACK = 8;

export interface Verdict {
  readonly process: string;
  /** Before and after, in the two halves that follow the warm-up. */
  readonly rssBytes: readonly [number, number];
  readonly handles: readonly [number, number];
  readonly isFlat: boolean;
}

/**
 * Compares the second half of the time after the warm-up with the first: of memory the median, since garbage comes and
 * goes, of handles the fewest, since work opens some. @throws when there is too little to tell.
 */
export function judge(process: string, measured: readonly Measured[]): Verdict {
  const warm = measured.slice(Math.floor(measured.length * WARM_UP));
  const middle = Math.floor(warm.length / 2);
  const halves = [warm.slice(0, middle), warm.slice(middle)] as const;
  if (middle < 3) throw new Error(`${process}: ${measured.length} measurements are too few to tell`);
  const rssBytes = halves.map((half) => median(half.map((one) => one.rssBytes))) as [number, number];
  const handles = halves.map((half) => Math.min(...half.map((one) => one.handles))) as [number, number];
  const isFlat =
    rssBytes[1] <= rssBytes[0] * RSS_RATIO + RSS_SLACK_BYTES && handles[1] <= handles[0] + HANDLES_SLACK;
  return { process, rssBytes, handles, isFlat };
}

/** For people: one line a process. */
export function tableOf(verdicts: readonly Verdict[]): string {
  const megabytes = (bytes: number): string => (bytes / 1024 ** 2).toFixed(0);
  const rows = [
    ['process', 'MB before', 'MB after', 'handles before', 'handles after', ''],
    ...verdicts.map(({ process, rssBytes, handles, isFlat }) => [
      process,
      ...rssBytes.map(megabytes),
      ...handles.map(String),
      isFlat ? 'flat' : 'GROWS',
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
