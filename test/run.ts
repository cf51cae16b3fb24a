/**
 * Runs the suite or parts of it and ends with the line `N passed, N failed`.
 *
 *   npm test                                  everything
 *   npm run test:part -- unit workflow        some parts
 *   npm run test:part -- e2e -t 'fails'       with arguments for jest
 *   npm run test:part -- faults faults/store  some files of a part
 *
 * Parts that need services get a stack of their own in `.slipway/test`, set up first and stopped afterwards.
 */
import { spawn } from 'node:child_process';
import type { SpawnOptions } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';
import type { RunningStack } from '../stack/stack-options.ts';
import { testEnvironment } from './helpers/test-environment.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PARTS = [
  'lint',
  'types',
  'unit',
  'workflow',
  'replay',
  'integration',
  'e2e',
  'faults',
  'chaos',
  'long',
  'modern',
  'soak',
] as const;
type Part = (typeof PARTS)[number];

/**
 * Run only when they are named: long takes a quarter of an hour, soak as long as it is told to (`SLIPWAY_SOAK_MINUTES`, default 10),
 * modern needs the newest engine (`npm run test:modern`).
 */
const BY_HAND: readonly Part[] = ['long', 'modern', 'soak'];

/**
 * What has parts of its own, or mostly waits, runs beside others: this order is the suite's, and what is named by hand keeps to it.
 * Chaos has an installation of its own, and the tests of workflows servers of their own.
 */
const SIDE_BY_SIDE: readonly (readonly Part[])[] = [
  ['lint', 'types'],
  ['unit'],
  ['replay'],
  ['workflow', 'integration'],
  ['e2e'],
  ['faults', 'chaos'],
  ...BY_HAND.map((part) => [part]),
];

const NEED_STACK: readonly Part[] = ['workflow', 'integration', 'e2e', 'faults', 'long', 'modern', 'soak'];

/**
 * One file at a time: they share engines, and two cores. A test that failed half-way may leave a socket open, which must not keep
 * the parts after it from running.
 */
const ONE_BY_ONE = ['--runInBand', '--forceExit'] as const;

interface Counts {
  passed: number;
  failed: number;
  /** What failed and how, a few lines each. */
  failures?: readonly string[];
}
const FAILURE_LINES = 15;

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());

async function main(parts: readonly Part[]): Promise<number> {
  const total = { passed: 0, failed: 0 };
  const failures: string[] = [];
  let stack: RunningStack | undefined;
  let env: NodeJS.ProcessEnv = process.env;
  try {
    if (parts.some((part) => NEED_STACK.includes(part))) {
      const options = {
        stateDirectory: join(ROOT, '.slipway', process.env['SLIPWAY_TEST_STATE'] ?? 'test'),
        env: process.env,
        signal: interrupted.signal,
        onProgress: ({
          part,
          state,
          message,
          elapsedMs,
        }: {
          part: string;
          state: string;
          message: string;
          elapsedMs: number;
        }) => process.stdout.write(`[${part}] ${state} ${message} (${(elapsedMs / 1000).toFixed(1)} s)\n`),
      };
      // Loaded only here: the quick parts shall begin at once.
      const [{ setUp }, { startStack }] = await Promise.all([
        import('../stack/set-up.ts'),
        import('../stack/start-stack.ts'),
      ]);
      const tools = await setUp(options);
      stack = await startStack(options);
      env = testEnvironment(stack, tools.temporal);
    }
    for (const group of SIDE_BY_SIDE) {
      const chosen = group.filter((part) => parts.includes(part));
      for (const counts of await Promise.all(chosen.map((part) => runAndTell(part, env)))) {
        total.passed += counts.passed;
        total.failed += counts.failed;
        failures.push(...(counts.failures ?? []));
      }
      if (interrupted.signal.aborted) break;
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    total.failed += 1;
  } finally {
    await stack?.stop();
  }
  // Once more at the end: between the parts they are hard to find.
  for (const failure of failures) process.stdout.write(`\nFAILED ${failure}\n`);
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 && total.passed > 0 && !interrupted.signal.aborted ? 0 : 1;
}

async function runAndTell(part: Part, env: NodeJS.ProcessEnv): Promise<Counts> {
  const began = Date.now();
  const counts = await runPart(part, env);
  const seconds = ((Date.now() - began) / 1000).toFixed(0);
  process.stdout.write(`== ${part}: ${counts.passed} passed, ${counts.failed} failed (${seconds} s)\n`);
  return counts;
}

async function runPart(part: Part, env: NodeJS.ProcessEnv): Promise<Counts> {
  switch (part) {
    case 'lint':
      return check(['node_modules/eslint/bin/eslint.js', '.']);
    case 'types':
      // What did not change since the last time is not looked at again.
      return check([
        ...['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'],
        ...['--incremental', '--tsBuildInfoFile', '.slipway/types.json'],
      ]);
    case 'unit':
      // Jest leaves one core idle by default, which is half of a small machine.
      return jest(part, env, ['--maxWorkers=100%']);
    case 'workflow':
      // Each file has a server of its own.
      return jest(part, env, ['--maxWorkers=2', '--forceExit']);
    case 'e2e':
      // Each file has a world of its own; its builder takes a core now and then.
      return jest(part, env, ['--maxWorkers=3', '--forceExit']);
    case 'integration':
      return integration(env);
    case 'replay':
    case 'modern':
    case 'soak':
      return jest(part, env, ONE_BY_ONE);
    case 'faults':
    case 'long':
      // Each file has a world of its own and mostly waits: for a heartbeat that does not come, for a server that is away.
      return jest(part, env, ['--maxWorkers=3', '--forceExit']);
    case 'chaos':
      // On an installation of its own, since it hurts all of its parts; with this seed in every way that there is.
      return check(['test/chaos/run.ts', '--minutes', '5', '--seed', '641']);
  }
}

/** What shares the engine, and beside it what has parts of its own: both wait more than they work. */
async function integration(env: NodeJS.ProcessEnv): Promise<Counts> {
  if (files.length > 0) return jest('integration', env, ONE_BY_ONE);
  const sharing = 'test/integration/(cli|docker-)';
  const counts = await Promise.all([
    jest('integration', env, ONE_BY_ONE, sharing),
    // First: it takes all that follows up to the next option.
    jest('integration', env, [`--testPathIgnorePatterns=${sharing}`, ...ONE_BY_ONE]),
  ]);
  return {
    passed: counts.reduce((sum, { passed }) => sum + passed, 0),
    failed: counts.reduce((sum, { failed }) => sum + failed, 0),
    failures: counts.flatMap(({ failures }) => failures ?? []),
  };
}

async function check(command: readonly string[]): Promise<Counts> {
  const code = await run(command, process.env);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

const resultsSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numTotalTests: z.number(),
  numRuntimeErrorTestSuites: z.number(),
});

async function jest(
  part: Part,
  env: NodeJS.ProcessEnv,
  options: readonly string[],
  all = `test/${part}/`,
): Promise<Counts> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-jest-'));
  const output = join(directory, 'results.json');
  try {
    const nodeOptions = `${env.NODE_OPTIONS ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning`;
    const own = files.filter((file) =>
      PARTS.every((other) => other === part || !`/${file}`.includes(`/${other}/`)),
    );
    const command = [
      'node_modules/jest/bin/jest.js',
      '--json',
      `--outputFile=${output}`,
      ...options,
      ...jestArgs,
      ...(own.length > 0 ? own : [all]),
    ];
    const code = await run(command, { ...env, NODE_OPTIONS: nodeOptions });
    const results = resultsSchema.parse(JSON.parse(await readFile(output, 'utf8')));
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // A run that ran nothing, or failed without saying which test, is a failure too.
    const silent = failed === 0 && (code !== 0 || results.numTotalTests === 0) ? 1 : 0;
    return { passed: results.numPassedTests, failed: failed + silent, failures: failuresOf(results) };
  } catch (error) {
    process.stderr.write(`jest gave no results for ${part}: ${String(error)}\n`);
    return { passed: 0, failed: 1 };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function failuresOf({ testResults }: z.infer<typeof resultsSchema>): string[] {
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    // A file that could not be run has a message and no tests.
    const told = failed.map(
      ({ fullName, failureMessages }) => `${fullName}\n${(failureMessages ?? []).join('\n')}`,
    );
    return (assertionResults.length === 0 && message !== '' ? [message] : told).map((text) =>
      [relative(ROOT, name), ...linesOf(text).slice(0, FAILURE_LINES)].join('\n  '),
    );
  });
}

function linesOf(text: string): string[] {
  return stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.includes('/node_modules/'));
}

/** Runs a program of ours on this Node; jest's JSON would go to stdout, so that is not shown. */
function run(command: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const quiet = command.includes('--json') ? 'ignore' : 'inherit';
    // In a group of its own, so that an interruption reaches what the tests have started, too.
    const options: SpawnOptions = { cwd: ROOT, env, detached: true, stdio: ['ignore', quiet, 'inherit'] };
    const child = spawn(process.execPath, command, options);
    const end = (): void => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    };
    interrupted.signal.addEventListener('abort', end, { once: true });
    child.once('error', reject);
    child.once('exit', (code) => {
      interrupted.signal.removeEventListener('abort', end);
      resolve(code ?? 1);
    });
  });
}

const args = process.argv.slice(2);
const firstOption = args.findIndex((arg) => arg.startsWith('-'));
const words = firstOption < 0 ? args : args.slice(0, firstOption);
/** Paths, or parts of paths, of test files. */
const files = words.filter((word) => word.includes('/'));
const named = words.filter((word) => !word.includes('/')) as Part[];
const jestArgs = firstOption < 0 ? [] : args.slice(firstOption);
const unknown = named.filter((part) => !PARTS.includes(part));
if (unknown.length > 0) {
  process.stderr.write(`Unknown part: ${unknown.join(', ')}. Parts: ${PARTS.join(', ')}\n`);
  process.exit(2);
}
if (files.length > 0 && named.length === 0) {
  process.stderr.write(
    `Name the part of ${files.join(', ')} too, as in: npm run test:part -- e2e e2e/rerun\n`,
  );
  process.exit(2);
}
process.exitCode = await main(named.length > 0 ? named : PARTS.filter((part) => !BY_HAND.includes(part)));
