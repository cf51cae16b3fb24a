import { median, spread } from '../statistics.ts';
import type { KeptRow } from './kept-samples.ts';
import { scenariosOf, SHAPES } from './scenario.ts';

/** The design's targets, for an image of 800 MB: Slipway's time as a share of another way's, median against median. */
interface Target {
  readonly what: string;
  readonly scenario: string;
  readonly against: string;
  readonly atMost: number;
}

type Sample = KeptRow['samples'][string][number];

export const PIPE = 'save | load';
const ARCHIVE = 'save | zstd | S3 | load';
export const REGISTRY = 'registry on the disk';
export const REGISTRY_S3 = 'registry on the same S3';
export const SLIPWAY = 'Slipway';
export const SLIPWAY_TAR = 'Slipway, as tars';

const COLD = { what: 'cold', scenario: 'cold' };
const SMALL_EDIT = { what: 'small edit', scenario: 'a layer of 5 MB added' };
/** As a package comes that somebody installs with all that it needs. */
const LARGE_EDIT = { what: 'large edit', scenario: 'a layer of 90 MB added' };

const EDITS =
  'The small edit is one that adds a layer of 5 MB, the large edit one of 90 MB, such as a package with all that it needs.';

const TARGETS: readonly Target[] = [
  { ...SMALL_EDIT, against: ARCHIVE, atMost: 1 / 8 },
  { ...LARGE_EDIT, against: ARCHIVE, atMost: 1 / 3 },
  ...[REGISTRY_S3, REGISTRY].flatMap((against) =>
    [SMALL_EDIT, LARGE_EDIT, COLD].map((edit) => ({ ...edit, against, atMost: 1.1 })),
  ),
  { ...COLD, against: PIPE, atMost: 1.1 },
];

/** What is sent to the store, and read of it, as a share of what the registry keeps of the same layers, which it has compressed. */
const MOVED_AT_MOST = 1.1;
const MOVED_OF = ['a layer of 5 MB added', 'a layer of 90 MB added'];

const MOVER_MAX_BYTES = 256 * 1024 * 1024;

/**
 * A section for one kind of engine and images of one size, as Markdown, of what is known of each change; with the command that
 * measures it.
 */
export function imagesReport({
  engine,
  size,
  rows: known,
}: {
  readonly engine: { readonly kind: string; readonly driver: string };
  /** A name of {@link SHAPES}. */
  readonly size: string;
  readonly rows: readonly KeptRow[];
}): string {
  const shape = SHAPES[size];
  if (!shape) throw new RangeError(`No images are ${size}`);
  const rows = scenariosOf(shape).flatMap(({ name }) => known.filter(({ scenario }) => scenario === name));
  const targets = size === 'medium' ? TARGETS : [];
  const lines = [
    `# Benchmarks: images of ${shape.name}, ${engine.kind}, ${engine.driver}`,
    '',
    `Written by \`npm run bench -- images --images ${size} --engines ${engine.kind}\`: each change is measured in one run, on the day and`,
    `with as many repetitions as its row says. ${[...new Set(rows.map(({ machine }) => machine))].join('; ')}. From "the image is there on one`,
    'engine" to "its command has run on another one, which has the rest". "As tars": where an engine reaches no endpoint. The ways take',
    "turns; times are medians, with the smallest and the largest. Processor time is the whole machine's. The samples: `benchmarks.images.json`.",
    ...(targets.length > 0 ? [EDITS] : []),
    '',
    '## Targets',
    '',
    '| what | against | target | reached | |',
    '| --- | --- | --- | --- | --- |',
    ...rows.flatMap((row) =>
      targets.filter(({ scenario }) => scenario === row.scenario).map((target) => judged(target, row)),
    ),
    ...rows.flatMap(moved),
    ...memory(rows),
    '',
    '## Measured',
    '',
    '| change | way | seconds | of it sending | processor s | sent to the store | read of it | memory of the mover | disk at most | runs | on |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.flatMap((row) =>
      Object.entries(row.samples).map(([way, samples]) => measured(row, way, samples)),
    ),
    '',
  ];
  return lines.join('\n');
}

function judged({ what, against, atMost }: Target, { samples }: KeptRow): string {
  const ours = median(times(samples[SLIPWAY]));
  const theirs = median(times(samples[against]));
  const ratio = ours / theirs;
  const verdict = ratio <= atMost ? 'held' : '**missed**';
  return `| ${what} | ${against.replaceAll('|', '\\|')} | ≤ ${atMost.toFixed(2)} × | ${ratio.toFixed(2)} × | ${verdict} |`;
}

function moved({ scenario, samples }: KeptRow): string[] {
  if (!MOVED_OF.includes(scenario)) return [];
  const layer = median((samples[REGISTRY] ?? []).map(({ bytesSent }) => bytesSent));
  const ours = samples[SLIPWAY] ?? [];
  const what: readonly [string, readonly number[]][] = [
    ['sent', ours.map(({ bytesSent }) => bytesSent)],
    ['read', ours.map(({ bytesRead }) => bytesRead ?? NaN)],
  ];
  return what.map(([doing, bytes]) => {
    const ratio = median(bytes) / layer;
    const verdict = ratio <= MOVED_AT_MOST ? 'held' : '**missed**';
    return `| bytes ${doing}, ${scenario} | the layer in the registry | ≤ ${MOVED_AT_MOST.toFixed(2)} × | ${ratio.toFixed(2)} × | ${verdict} |`;
  });
}

function memory(rows: readonly KeptRow[]): string[] {
  return [SLIPWAY, SLIPWAY_TAR].map((way) => {
    const samples = rows.flatMap((row) => row.samples[way] ?? []);
    const peak = Math.max(...samples.map(({ peakRssBytes }) => peakRssBytes ?? 0));
    const verdict = peak <= MOVER_MAX_BYTES ? 'held' : '**missed**';
    return `| memory of the mover, ${way} | | ≤ 256 MiB | ${Math.round(peak / 1024 ** 2)} MiB | ${verdict} |`;
  });
}

function measured({ scenario, measuredOn }: KeptRow, way: string, samples: readonly Sample[]): string {
  const cells = [
    scenario,
    way.replaceAll('|', '\\|'),
    seconds(times(samples)),
    median(samples.map(({ sendingMs }) => sendingMs / 1000)).toFixed(2),
    median(samples.map(({ cpuMs }) => cpuMs / 1000)).toFixed(1),
    megabytes(median(samples.map(({ bytesSent }) => bytesSent))),
    samples[0]?.bytesRead === undefined
      ? ''
      : megabytes(median(samples.map(({ bytesRead }) => bytesRead ?? NaN))),
    samples[0]?.peakRssBytes === undefined
      ? ''
      : `${Math.round(Math.max(...samples.map(({ peakRssBytes }) => peakRssBytes ?? 0)) / 1024 ** 2)} MiB`,
    megabytes(Math.max(...samples.map(({ peakDiskBytes }) => peakDiskBytes))),
    String(samples.length),
    measuredOn,
  ];
  return `| ${cells.join(' | ')} |`;
}

function times(samples: readonly Sample[] | undefined): readonly number[] {
  return (samples ?? []).map(({ ms }) => ms / 1000);
}

function seconds(numbers: readonly number[]): string {
  const [least, most] = spread(numbers);
  return `${median(numbers).toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
