import { availableParallelism, totalmem } from 'node:os';
import { median, spread } from '../statistics.ts';

/** What one tree gave: milliseconds of each run, and the most memory that a process of ours held. */
export interface HashRow {
  readonly tree: string;
  readonly oracle: readonly number[];
  readonly packed: readonly number[];
  readonly loose: readonly number[];
  readonly cached: readonly number[];
  readonly again: readonly number[];
  readonly peakRssBytes: number;
}

/** The design's targets. */
const COLD_AT_MOST = 1;
const CACHED_MS = 5;
const DECISION_MS = 1000;
const RSS_BYTES = 256 * 1024 * 1024;

/** The section, as Markdown, with the command that made it. */
export function hashReport(
  rows: readonly HashRow[],
  { decision, command }: { readonly decision: readonly number[]; readonly command: string },
): string {
  return [
    '# Benchmarks: context hashes',
    '',
    `Written by \`${command}\` on ${new Date().toISOString().slice(0, 10)}: ${availableParallelism()} processors,`,
    `${Math.round(totalmem() / 1024 ** 3)} GiB. A context of 10,000 files and 1 GB, everything in the page cache. taskgraph reads a checkout, Slipway git's`,
    'objects; both without the start of their process, taking turns. Times are medians, with the smallest and the largest.',
    '',
    '| what | target | reached | |',
    '| --- | --- | --- | --- |',
    ...rows.flatMap(targets),
    row('plan of 50 images, 200 tasks, 10,000 files, nothing changed', DECISION_MS, decision),
    '',
    '| tree | taskgraph, a checkout | Slipway, a pack | Slipway, loose objects | from the cache | once more | memory |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map(
      ({ tree, oracle, packed, loose, cached, again, peakRssBytes }) =>
        `| ${[tree, ...[oracle, packed, loose, cached, again].map(times), mebibytes(peakRssBytes)].join(' | ')} |`,
    ),
    '',
    "Slipway needs no checkout, and pays zlib for that: git's own inflates about 300 MB/s a processor here, which a checkout has paid before.",
    'So where contents compress well, a context that nobody has hashed costs more than on a checkout, the less the more processors there are.',
    '',
  ].join('\n');
}

function targets({ tree, oracle, packed, cached, peakRssBytes }: HashRow): string[] {
  const ratio = median(packed) / median(oracle);
  return [
    `| cold, ${tree}, a pack against taskgraph on a checkout | ≤ ${COLD_AT_MOST.toFixed(2)} × | ${ratio.toFixed(2)} × | ${verdict(ratio <= COLD_AT_MOST)} |`,
    row(`unchanged, ${tree}, from the cache on disk`, CACHED_MS, cached),
    `| memory, ${tree} | ≤ ${mebibytes(RSS_BYTES)} | ${mebibytes(peakRssBytes)} | ${verdict(peakRssBytes <= RSS_BYTES)} |`,
  ];
}

function row(what: string, atMostMs: number, ms: readonly number[]): string {
  return `| ${what} | ≤ ${atMostMs} ms | ${times(ms)} | ${verdict(median(ms) <= atMostMs)} |`;
}

function verdict(held: boolean): string {
  return held ? 'held' : '**missed**';
}

function times(ms: readonly number[]): string {
  const [least, most] = spread(ms);
  const digits = median(ms) < 100 ? 1 : 0;
  return `${median(ms).toFixed(digits)} ms (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
