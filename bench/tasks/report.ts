import { availableParallelism, totalmem } from 'node:os';
import { median, percentile, spread } from '../statistics.ts';
import type { LargeLog } from './large-log.ts';
import type { ManyPushes } from './many-pushes.ts';
import type { SeveralRunners } from './several-runners.ts';
import type { StartLatency } from './start-latency.ts';
import type { Throughput } from './through-temporal.ts';

export interface TasksResults {
  readonly start: StartLatency;
  readonly log: readonly number[];
  readonly cancel: readonly number[];
  readonly large: LargeLog;
  readonly pushes: ManyPushes;
  readonly runners: SeveralRunners;
  readonly throughput: readonly Throughput[];
}

/** The design's targets. */
const START_MS = 250;
const LINE_MS = 1_000;
const CANCEL_MS = 2_000;
const MOVER_BYTES = 256 * 1024 ** 2;
const PUSH_RATIO = 1.3;
const GROWTH = 1.2;
/** Where the server ends a workflow. */
const EVENTS = 51_200;

/** The section, as Markdown, with the command that made it. */
export function tasksReport(results: TasksResults, command: string): string {
  const { start, log, cancel, large, pushes, runners, throughput } = results;
  const over = median(start.task) - median(start.bare);
  const [small, middle, huge] = throughput;
  if (!small || !middle || !huge) throw new RangeError('Three sizes are measured');
  const ratio = (each: Throughput): number => median(each.push) / median(each.bare);
  const each = (seconds: readonly number[], { tasks }: Throughput): number => median(seconds) / tasks;
  const growth = (of: (size: Throughput) => readonly number[]): number =>
    each(of(huge), huge) / each(of(middle), middle);
  const own = growth(({ push }) => push) / growth(({ bare }) => bare);
  const [lineP95, cancelP99] = [percentile(log, 0.95), percentile(cancel, 0.99)];
  return [
    '# Benchmarks: tasks',
    '',
    `Written by \`${command}\` on ${new Date().toISOString().slice(0, 10)}: ${availableParallelism()} processors,`,
    `${Math.round(totalmem() / 1024 ** 3)} GiB; server, store, engine, workers and client share them. Medians, with the smallest and the largest.`,
    '',
    '| what | target | reached | |',
    '| --- | --- | --- | --- |',
    row(
      'start of a task whose image is there, over bare `docker run`',
      `≤ ${START_MS} ms`,
      `${over.toFixed(0)} ms`,
      over <= START_MS,
    ),
    row(
      'a line of a live log to its reader, p95',
      `≤ ${LINE_MS} ms`,
      `${lineP95.toFixed(0)} ms`,
      lineP95 <= LINE_MS,
    ),
    row(
      `cancel to dead container, p99 of ${cancel.length}`,
      `≤ ${CANCEL_MS} ms`,
      `${cancelP99.toFixed(0)} ms`,
      cancelP99 <= CANCEL_MS,
    ),
    row(
      `${pushes.pushes} pushes at once that need one new image`,
      '1 build',
      `${pushes.builds}`,
      pushes.builds === 1,
    ),
    row(
      `a task that prints ${(large.bytes / 1e6).toFixed(0)} MB, its log kept whole, and every line in order with a reader who follows, ${large.behindSeconds.toFixed(1)} s after its end: memory that the worker took more`,
      `≤ ${mebibytes(MOVER_BYTES)}`,
      mebibytes(large.grownBytes),
      large.grownBytes <= MOVER_BYTES,
    ),
    row(
      `${small.tasks} no-op tasks against bare children`,
      `≤ ${PUSH_RATIO} ×`,
      `${ratio(small).toFixed(2)} ×`,
      ratio(small) <= PUSH_RATIO,
    ),
    row(
      `cost of a task among ${huge.tasks} against ${middle.tasks}, over the same of bare children`,
      `≤ ${GROWTH} ×`,
      `${own.toFixed(2)} ×`,
      own <= GROWTH,
    ),
    row(
      `longest history of ${huge.tasks} tasks`,
      `far from ${EVENTS} events`,
      `${huge.events} events, ${(huge.bytes / 1e6).toFixed(1)} MB`,
      huge.events < EVENTS / 4,
    ),
    '',
    '| milliseconds | p50 | p95 | p99 | samples |',
    '| --- | --- | --- | --- | --- |',
    distribution('from the start of the workflow to the command', start.task),
    distribution('`docker run`, from the start of its process to the command', start.bare),
    distribution('a line to its reader', log),
    distribution('cancel to dead container', cancel),
    '',
    '| no-op tasks | push | bare children | ratio | longest history | memory of worker and client |',
    '| --- | --- | --- | --- | --- | --- |',
    ...throughput.map(
      (size) =>
        `| ${size.tasks} | ${times(size.push)} | ${times(size.bare)} | ${ratio(size).toFixed(2)} × | ${size.events} events, ${(size.bytes / 1e6).toFixed(1)} MB | ${mebibytes(size.peakRssBytes)} |`,
    ),
    '',
    'A task and a bare child do five activities that do nothing, on the same queues of one worker; neither writes to a store. Beside them a task has a',
    'deadline, a record of its state for searches and a signal to its push.',
    '',
    `${(large.bytes / 1e6).toFixed(0)} MB of log: ${large.seconds.toFixed(1)} s, kept whole; \`docker run\` of the same into a pipe ${large.bareSeconds.toFixed(1)} s.`,
    `${pushes.pushes} pushes at once: all had their verdict after ${pushes.seconds.toFixed(0)} s.`,
    `${runners.tasks} small tasks in containers: ${[...runners.seconds].map(([processes, seconds]) => `${times(seconds)} with ${processes} runner process${processes === 1 ? '' : 'es'}`).join(', ')}.`,
    '',
  ].join('\n');
}

function row(what: string, target: string, reached: string, held: boolean): string {
  return `| ${what} | ${target} | ${reached} | ${held ? 'held' : '**missed**'} |`;
}

function distribution(what: string, ms: readonly number[]): string {
  const at = [0.5, 0.95, 0.99].map((part) => percentile(ms, part).toFixed(0));
  return `| ${what} | ${at.join(' | ')} | ${ms.length} |`;
}

function times(seconds: readonly number[]): string {
  const [least, most] = spread(seconds);
  return seconds.length === 1
    ? `${median(seconds).toFixed(1)} s`
    : `${median(seconds).toFixed(1)} s (${least.toFixed(1)}–${most.toFixed(1)})`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
