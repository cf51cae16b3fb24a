import { parseArgs } from 'node:util';
import { scenariosOf, SHAPES } from './images/scenario.ts';

export const ENGINES = ['classic', 'modern'] as const;
export type EngineKind = (typeof ENGINES)[number];

const SUBJECTS = ['images', 'hash', 'tasks'] as const;
const CHANGES = [
  ...new Set(Object.values(SHAPES).flatMap((shape) => scenariosOf(shape).map(({ name }) => name))),
];

export const USAGE = `npm run bench -- images [--runs N] [--engines LIST] [--images LIST] [--only LIST] [--report FILE]
npm run bench -- hash [--runs N] [--report FILE]
npm run bench -- tasks [--runs N] [--tasks N] [--log-megabytes N] [--report FILE]

Measures Slipway against what people use otherwise, in turns, and writes what came of it into its section of the report. Needs
a machine that has nothing else to do.

  images  moves images from one engine to another: Slipway, a registry, save and load. Each change is in the report as soon as
          it is measured; the others stay as they were. Needs Linux, root and Go. All of it takes four hours on two processors
  hash    context hashes, and plans of many images; against taskgraph. Needs Python; minutes
  tasks   starts, logs, cancellations, many tasks and many pushes; against bare workflows and bare docker; half an hour

  --runs N           how often everything is measured; default 5
  --engines LIST     of ${ENGINES.join(', ')} (made with Go, once); default both
  --images LIST      of ${Object.entries(SHAPES)
    .map(([name, shape]) => `${name} (${shape.name})`)
    .join(', ')}; default all
  --only LIST        of the changes, separated by commas: ${CHANGES.join(', ')}
  --tasks N          tasks of the large push; default 10000
  --log-megabytes N  what a task prints that prints much; default 1000
  --report FILE      default docs/benchmarks.md; what images are measured with lies beside it, in FILE with .images.json`;

export interface BenchOptions {
  readonly subject: (typeof SUBJECTS)[number];
  readonly runs: number;
  readonly engines: readonly EngineKind[];
  /** Names of {@link SHAPES}. */
  readonly images: readonly string[];
  /** Names of scenarios; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly tasks: number;
  readonly logMegabytes: number;
  readonly report: string;
}

/** What was typed is no benchmark: with what is wrong, in the words of the command line. */
export class BenchUsage extends Error {
  override readonly name = 'BenchUsage';
}

/** What to measure by a command line; undefined: it asks for help. @throws {BenchUsage} */
export function readOptions(args: readonly string[]): BenchOptions | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const [subject = '', ...more] = positionals;
  if (more.length > 0) throw new BenchUsage(`One subject at a time, not also ${more.join(' ')}`);
  const [known] = oneOf('The subject', SUBJECTS, [subject]);
  return {
    subject: known as BenchOptions['subject'],
    runs: count('--runs', values.runs),
    engines: oneOf('--engines', ENGINES, values.engines.split(',')),
    images: oneOf('--images', Object.keys(SHAPES), values.images.split(',')),
    only: values.only === undefined ? undefined : oneOf('--only', CHANGES, values.only.split(',')),
    tasks: count('--tasks', values.tasks),
    logMegabytes: count('--log-megabytes', values['log-megabytes']),
    report: values.report,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '5' },
        engines: { type: 'string', default: ENGINES.join(',') },
        images: { type: 'string', default: Object.keys(SHAPES).join(',') },
        only: { type: 'string' },
        tasks: { type: 'string', default: '10000' },
        'log-megabytes': { type: 'string', default: '1000' },
        report: { type: 'string', default: 'docs/benchmarks.md' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new BenchUsage(error instanceof Error ? error.message : String(error));
  }
}

function oneOf<T extends string>(what: string, known: readonly T[], typed: readonly string[]): T[] {
  return typed.map((word) => {
    const found = known.find((one) => one === word.trim());
    if (found === undefined) throw new BenchUsage(`${what} is one of ${known.join(', ')}, not "${word}"`);
    return found;
  });
}

function count(option: string, typed: string): number {
  const number = Number(typed);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new BenchUsage(`${option} is a whole number from 1, not "${typed}"`);
  return number;
}
