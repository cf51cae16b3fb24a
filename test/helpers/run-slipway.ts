import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../client/cli/command-line.ts';
import { captureStreams } from './captured-terminal.ts';
import { runProgram } from './run-program.ts';
import type { ProgramResult } from './run-program.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/slipway', import.meta.url));

/** Runs bin/slipway as a person would, with nothing of this test's environment that it could take for its own. */
export function runSlipway(
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly input?: string;
    readonly timeoutMs?: number;
  },
): Promise<ProgramResult> {
  const { cwd, env, input, timeoutMs = 120_000 } = options;
  // As by default, but for a stack that runs in this checkout: that is a person's.
  const home = { SLIPWAY_HOME: join(cwd, '.slipway') };
  const environment = { ...cleanEnvironment(), ...home, ...env };
  return runProgram([PROGRAM, ...args], { cwd, env: environment, input, timeoutMs });
}

/** This process's environment without what would name a stack, or change how Node runs. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(SLIPWAY_|TEMPORAL_|DOCKER_|AWS_|NODE_OPTIONS|GIT_)/.test(name),
    ),
  );
}

/** Carries out a verb in this process, which is quicker; no stack runs as far as it knows, unless the environment names one. */
export async function runVerb(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ProgramResult> {
  const streams = captureStreams();
  const exitCode = await runCommandLine(args, {
    stdout: streams.out,
    stderr: streams.err,
    env: { SLIPWAY_HOME: join(tmpdir(), 'slipway-test-no-stack'), ...env },
    interruption: { signal: new AbortController().signal },
  });
  return { exitCode, stdout: streams.stdout(), stderr: streams.stderr() };
}
