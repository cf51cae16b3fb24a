import { cpus, totalmem } from 'node:os';
import { median, spread } from '../statistics.ts';
import type { Sample } from './run-scenario.ts';

export interface Row {
  readonly shape: string;
  readonly scenario: string;
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
}

/** The design's targets: Slipway's time as a share of another way's, median against median. */
interface Target {
  readonly what: string;
  readonly shape: string;
  readonly scenario: string;
  readonly against: string;
  readonly atMost: number;
}

export const PIPE = 'save | load';
const ARCHIVE = 'save | zstd | S3 | load';
const REGISTRY = 'registry push + pull';
export const SLIPWAY = 'Slipway';
export const SLIPWAY_TAR = 'Slipway, as tars';
const MEDIUM = '800 MB, 3 layers';

const TARGETS: readonly Target[] = [
  { what: 'small edit', shape: MEDIUM, scenario: 'a layer of 5 MB added', against: ARCHIVE, atMost: 1 / 8 },
  {
    what: "the article's edit",
    shape: MEDIUM,
    scenario: 'a layer of 90 MB added',
    against: ARCHIVE,
    atMost: 1 / 3,
  },
  { what: 'small edit', shape: MEDIUM, scenario: 'a layer of 5 MB added', against: REGISTRY, atMost: 1.1 },
  {
    what: "the article's edit",
    shape: MEDIUM,
    scenario: 'a layer of 90 MB added',
    against: REGISTRY,
    atMost: 1.1,
  },
  { what: 'cold', shape: MEDIUM, scenario: 'cold', against: REGISTRY, atMost: 1.1 },
  { what: 'cold', shape: MEDIUM, scenario: 'cold', against: PIPE, atMost: 1.1 },
];

/** What is sent to the store, as a share of what the registry keeps of the same layers, which it has compressed. */
const SENT_AT_MOST = 1.1;
const SENT_OF = ['a layer of 5 MB added', 'a layer of 90 MB added'];

const MOVER_MAX_BYTES = 256 * 1024 * 1024;

/** A section for one kind of engine, as Markdown, with the command that made it. */
export function imagesReport(engine: string, rows: readonly Row[], command: string): string {
  const lines = [
    `# Benchmarks: images, ${engine}`,
    '',
    `Written by \`${command}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} processors,`,
    `${Math.round(totalmem() / 1024 ** 3)} GiB. From "the image is there on one engine" to "its command has run on another one, which has the`,
    'rest". "As tars": where an engine reaches no endpoint. The ways take turns; times are medians, with the smallest and the largest.',
    "Processor time is the whole machine's.",
    '',
    '## Targets',
    '',
    '| what | against | target | reached | |',
    '| --- | --- | --- | --- | --- |',
    ...rows.flatMap((row) =>
      TARGETS.filter((target) => isOf(target, row)).map((target) => judged(target, row)),
    ),
    ...rows.flatMap(sent),
    ...rows.flatMap(memory),
    '',
    '## Measured',
    '',
    '| image | change | way | seconds | of it sending | processor s | sent to the store | memory of the mover | disk at most | runs |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.flatMap((row) => [...row.samples].map(([way, samples]) => measured(row, way, samples))),
    '',
  ];
  return lines.join('\n');
}

function isOf({ shape, scenario }: Target, row: Row): boolean {
  return row.shape === shape && row.scenario === scenario;
}

function judged({ what, against, atMost }: Target, { samples }: Row): string {
  const ours = median(times(samples.get(SLIPWAY)));
  const theirs = median(times(samples.get(against)));
  const ratio = ours / theirs;
  const verdict = ratio <= atMost ? 'held' : '**missed**';
  return `| ${what} | ${against.replaceAll('|', '\\|')} | ≤ ${atMost.toFixed(2)} × | ${ratio.toFixed(2)} × | ${verdict} |`;
}

function sent({ shape, scenario, samples }: Row): string[] {
  if (!SENT_OF.includes(scenario)) return [];
  const bytes = (way: string): number => median((samples.get(way) ?? []).map(({ bytesSent }) => bytesSent));
  const ratio = bytes(SLIPWAY) / bytes(REGISTRY);
  const verdict = ratio <= SENT_AT_MOST ? 'held' : '**missed**';
  return [
    `| bytes sent, ${shape}, ${scenario} | the layer in the registry | ≤ ${SENT_AT_MOST.toFixed(2)} × | ${ratio.toFixed(2)} × | ${verdict} |`,
  ];
}

function memory({ shape, scenario, samples }: Row): string[] {
  if (scenario !== 'cold') return [];
  return [SLIPWAY, SLIPWAY_TAR].map((way) => {
    const peak = Math.max(...(samples.get(way) ?? []).map(({ peakRssBytes }) => peakRssBytes ?? 0));
    const verdict = peak <= MOVER_MAX_BYTES ? 'held' : '**missed**';
    return `| memory of the mover, ${way}, ${shape} | | ≤ 256 MiB | ${Math.round(peak / 1024 ** 2)} MiB | ${verdict} |`;
  });
}

function measured({ shape, scenario }: Row, way: string, samples: readonly Sample[]): string {
  const cells = [
    shape,
    scenario,
    way.replaceAll('|', '\\|'),
    seconds(times(samples)),
    median(samples.map(({ sendingMs }) => sendingMs / 1000)).toFixed(2),
    median(samples.map(({ cpuMs }) => cpuMs / 1000)).toFixed(1),
    megabytes(median(samples.map(({ bytesSent }) => bytesSent))),
    samples[0]?.peakRssBytes === undefined
      ? ''
      : `${Math.round(Math.max(...samples.map(({ peakRssBytes }) => peakRssBytes ?? 0)) / 1024 ** 2)} MiB`,
    megabytes(Math.max(...samples.map(({ peakDiskBytes }) => peakDiskBytes))),
    String(samples.length),
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
