/**
 * Measures Slipway against what people use otherwise, side by side in one run, and writes what came of it.
 *
 *   npm run bench -- images [--runs 5] [--engines classic,modern] [--images small,medium,large] [--only 'cold,nothing changed']
 *                           [--report docs/benchmarks.md]
 *   npm run bench -- hash [--runs 5] [--report docs/benchmarks.md]
 *   npm run bench -- tasks [--runs 5] [--tasks 10000] [--log-megabytes 1000] [--report docs/benchmarks.md]
 *
 * Needs a machine with nothing else to do. `images` needs Linux, root and Go (for the registry that it compares with and the modern
 * engine, which has the containerd image store), `hash` Python (for taskgraph). Each writes its own section of the report,
 * `images` one for each kind of engine and size.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureModernEngine } from '../test/helpers/modern-engine.ts';
import type { SecondEngine } from '../test/helpers/second-engine.ts';
import { startSecondEngine } from '../test/helpers/second-engine.ts';
import type { RunningStack, StackOptions } from '../stack/stack-options.ts';
import { setUp } from '../stack/set-up.ts';
import { startStack } from '../stack/start-stack.ts';
import { ensureGoProgram } from './go-program.ts';
import { openArchiveWay } from './images/archive-way.ts';
import { openPipeWay } from './images/pipe-way.ts';
import { diskStorage, s3Storage } from './images/registry-storage.ts';
import { openRegistryWay } from './images/registry-way.ts';
import { imagesReport, PIPE, REGISTRY, REGISTRY_S3, SLIPWAY, SLIPWAY_TAR } from './images/report.ts';
import { runScenarios } from './images/run-scenario.ts';
import { SHAPES, scenariosOf } from './images/scenario.ts';
import { openSlipwayWay } from './images/slipway-way.ts';
import type { Way } from './images/way.ts';
import { writeSection } from './write-section.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const REGISTRY_PROGRAM = {
  name: 'registry',
  module: 'github.com/distribution/distribution/v3/cmd/registry',
  version: 'v3.0.0',
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '5' },
    engines: { type: 'string', default: 'classic,modern' },
    images: { type: 'string', default: 'small,medium,large' },
    only: { type: 'string' },
    tasks: { type: 'string', default: '10000' },
    'log-megabytes': { type: 'string', default: '1000' },
    report: { type: 'string', default: 'docs/benchmarks.md' },
  },
});
const [subject = '', ...more] = positionals;
const subjects: Readonly<Record<string, () => AsyncGenerator<string, void>>> = {
  images,
  hash: hashes,
  tasks,
};
const measure = more.length === 0 ? subjects[subject] : undefined;
if (!measure) {
  process.stderr.write(
    'usage: npm run bench -- images [--runs N] [--engines classic,modern] [--images small,medium,large] [--report FILE]\n' +
      '       npm run bench -- hash [--runs N] [--report FILE]\n' +
      '       npm run bench -- tasks [--runs N] [--tasks N] [--log-megabytes N] [--report FILE]\n',
  );
  process.exit(2);
}
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const options: StackOptions = {
  stateDirectory: join(ROOT, '.slipway', 'bench'),
  env: process.env,
  signal: interrupted.signal,
  onProgress: ({ part, message }) => say(`[${part}] ${message}`),
};
const words = process.argv.slice(2).map((word) => (word.includes(' ') ? `'${word}'` : word));
const command = `npm run bench -- ${words.join(' ')}`;
try {
  for await (const section of measure()) {
    await writeSection(resolve(ROOT, values.report), section);
    say(section);
  }
} catch (error) {
  if (!interrupted.signal.aborted) throw error;
  say('Interrupted: what was being measured is not in the report.');
  process.exitCode = 130;
}

async function* hashes(): AsyncGenerator<string, void> {
  const { benchHash } = await import('./hash/bench-hash.ts');
  const { stateDirectory: directory, signal } = options;
  yield await benchHash({ directory, runs: Number(values.runs), command, say, signal });
}

async function* tasks(): AsyncGenerator<string, void> {
  const { benchTasks } = await import('./tasks/bench-tasks.ts');
  yield await benchTasks({
    stack: options,
    runs: Number(values.runs),
    tasks: Number(values.tasks),
    logMegabytes: Number(values['log-megabytes']),
    command,
    say,
  });
}

async function* images(): AsyncGenerator<string, void> {
  const program = await ensureGoProgram(REGISTRY_PROGRAM, options);
  const kinds = values.engines.split(',');
  const unknown = kinds.find((kind) => !['classic', 'modern'].includes(kind));
  if (unknown !== undefined) throw new Error(`--engines knows classic and modern, not "${unknown}"`);
  // The kind of both engines follows from which programs come first.
  const newest = kinds.includes('modern') ? await ensureModernEngine(process.env, say) : '';
  await setUp(options);
  const stack = await startStack(options);
  try {
    for (const kind of kinds) {
      const PATH = `${kind === 'modern' ? `${newest}${delimiter}` : ''}${process.env['PATH'] ?? ''}`;
      yield* benchImages(stack, program, { kind, env: { ...process.env, PATH } });
    }
  } finally {
    await stack.stop();
  }
}

/** A section for each shape, as soon as it is measured. */
async function* benchImages(
  { setUpStore }: RunningStack,
  registry: string,
  { kind, env }: { readonly kind: string; readonly env: NodeJS.ProcessEnv },
): AsyncGenerator<string, void> {
  const shapes = values.images.split(',').map((name) => SHAPES[name]);
  if (!shapes.every((shape) => shape !== undefined))
    throw new Error(`--images knows ${Object.keys(SHAPES).join(', ')}`);
  await mkdir(options.stateDirectory, { recursive: true });
  const directory = await mkdtemp(join(options.stateDirectory, 'images-'));
  try {
    await using source = await startSecondEngine({ dataRoot: join(directory, 'source'), env });
    await using target = await startSecondEngine({ dataRoot: join(directory, 'target'), env });
    const { Driver } = (await source.docker.info()) as { readonly Driver: string };
    const dockers = { source: source.docker, target: target.docker };
    const ways = await openWays(setUpStore, { registry, directory, source, target });
    try {
      for (const shape of shapes) {
        const only = values.only?.split(',');
        const scenarios = scenariosOf(shape).filter(({ name }) => only?.includes(name) ?? true);
        const bench = { ...dockers, ways, directory, signal: interrupted.signal, say };
        const rows = await runScenarios(bench, { shape, scenarios, runs: Number(values.runs) });
        yield imagesReport({ engine: `${kind}, ${Driver}`, shape, rows, command });
      }
    } finally {
      for (const way of ways) {
        await way.reset();
        await way.close();
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function openWays(
  setUpStore: RunningStack['setUpStore'],
  {
    registry: program,
    directory,
    source,
    target,
  }: {
    readonly registry: string;
    readonly directory: string;
    readonly source: SecondEngine;
    readonly target: SecondEngine;
  },
): Promise<readonly Way[]> {
  const dockers = { source: source.docker, target: target.docker };
  const addresses = { source: `unix://${source.socketPath}`, target: `unix://${target.socketPath}` };
  const began = Date.now();
  const bucket = (name: string) => ({ ...setUpStore, bucket: `bench-${began}-${name}` });
  const disk = await diskStorage(join(directory, 'registry'));
  const s3 = await s3Storage(bucket('registry'));
  return [
    await openSlipwayWay(SLIPWAY, bucket('blobs'), { ...addresses, reach: 'loopback' }),
    await openSlipwayWay(SLIPWAY_TAR, bucket('layers'), { ...addresses, reach: 'none' }),
    await openRegistryWay(REGISTRY, { program, directory, storage: disk }, dockers),
    await openRegistryWay(REGISTRY_S3, { program, directory, storage: s3 }, dockers),
    await openArchiveWay(bucket('tars'), dockers),
    openPipeWay(PIPE, dockers),
  ];
}
