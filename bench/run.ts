/**
 * Measures Slipway against what people use otherwise, side by side in one run, and writes what came of it.
 *
 *   npm run bench -- images [--runs 5] [--images small,medium,large] [--only 'cold,nothing changed'] [--report docs/benchmarks.md]
 *   npm run bench -- hash [--runs 5] [--report docs/benchmarks.md]
 *   npm run bench -- tasks [--runs 5] [--tasks 10000] [--log-megabytes 1000] [--report docs/benchmarks.md]
 *
 * Needs a machine with nothing else to do. `images` needs Linux, root and Go (for the registry that it compares with), `hash` Python
 * (for taskgraph). Each writes its own section of the report.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSecondEngine } from '../test/helpers/second-engine.ts';
import type { RunningStack, StackOptions } from '../stack/stack-options.ts';
import { setUp } from '../stack/set-up.ts';
import { startStack } from '../stack/start-stack.ts';
import { ensureGoProgram } from './go-program.ts';
import { openArchiveWay } from './images/archive-way.ts';
import { openRegistryWay } from './images/registry-way.ts';
import type { Row } from './images/report.ts';
import { imagesReport } from './images/report.ts';
import { runScenario } from './images/run-scenario.ts';
import { SHAPES, scenariosOf } from './images/scenario.ts';
import { openSlipwayWay } from './images/slipway-way.ts';
import { writeSection } from './write-section.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const REGISTRY = {
  name: 'registry',
  module: 'github.com/distribution/distribution/v3/cmd/registry',
  version: 'v3.0.0',
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '5' },
    images: { type: 'string', default: 'small,medium,large' },
    only: { type: 'string' },
    tasks: { type: 'string', default: '10000' },
    'log-megabytes': { type: 'string', default: '1000' },
    report: { type: 'string', default: 'docs/benchmarks.md' },
  },
});
const [subject = '', ...more] = positionals;
const subjects: Readonly<Record<string, () => Promise<string>>> = { images, hash: hashes, tasks };
const measure = more.length === 0 ? subjects[subject] : undefined;
if (!measure) {
  process.stderr.write(
    'usage: npm run bench -- images [--runs N] [--images small,medium,large] [--report FILE]\n' +
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
const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`;
const report = await measure();
await writeSection(join(ROOT, values.report), report);
say(report);

async function hashes(): Promise<string> {
  const { benchHash } = await import('./hash/bench-hash.ts');
  const { stateDirectory: directory, signal } = options;
  return benchHash({ directory, runs: Number(values.runs), command, say, signal });
}

async function tasks(): Promise<string> {
  const { benchTasks } = await import('./tasks/bench-tasks.ts');
  return benchTasks({
    stack: options,
    runs: Number(values.runs),
    tasks: Number(values.tasks),
    logMegabytes: Number(values['log-megabytes']),
    command,
    say,
  });
}

async function images(): Promise<string> {
  const program = await ensureGoProgram(REGISTRY, options);
  await setUp(options);
  const stack = await startStack(options);
  try {
    return imagesReport(await benchImages(stack, program), command);
  } finally {
    await stack.stop();
  }
}

async function benchImages({ setUpStore }: RunningStack, registry: string): Promise<readonly Row[]> {
  await mkdir(options.stateDirectory, { recursive: true });
  const directory = await mkdtemp(join(options.stateDirectory, 'images-'));
  const rows: Row[] = [];
  try {
    await using source = await startSecondEngine({ dataRoot: join(directory, 'source') });
    await using target = await startSecondEngine({ dataRoot: join(directory, 'target') });
    const { Driver, ServerVersion } = (await source.docker.info()) as {
      readonly Driver: string;
      readonly ServerVersion: string;
    };
    const engine = `${ServerVersion} ${Driver}`;
    const dockers = { source: source.docker, target: target.docker };
    const addresses = { source: `unix://${source.socketPath}`, target: `unix://${target.socketPath}` };
    const bucket = `bench-${Date.now()}`;
    const ways = [
      await openSlipwayWay({ ...setUpStore, bucket: `${bucket}-blobs` }, addresses),
      await openRegistryWay(registry, directory, dockers),
      await openArchiveWay({ ...setUpStore, bucket: `${bucket}-tars` }, dockers),
    ];
    try {
      const runs = Number(values.runs);
      for (const shape of values.images.split(',').map((name) => SHAPES[name])) {
        if (!shape) throw new Error(`--images knows ${Object.keys(SHAPES).join(', ')}`);
        for (const scenario of scenariosOf(shape)) {
          if (values.only !== undefined && !values.only.split(',').includes(scenario.name)) continue;
          interrupted.signal.throwIfAborted();
          const bench = { ...dockers, ways, directory, say };
          const samples = await runScenario(bench, { shape, scenario, runs });
          rows.push({ engine, shape: shape.name, scenario: scenario.name, samples });
        }
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
  return rows;
}
