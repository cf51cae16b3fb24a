import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../client/cli/command-line.ts';
import { captureStreams } from './captured-terminal.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/slipway', import.meta.url));

export interface SlipwayResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs bin/slipway as a person would, with nothing of this test's environment that it could take for its own. */
export function runSlipway(
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly input?: string;
    readonly timeoutMs?: number;
  },
): Promise<SlipwayResult> {
  return new Promise((resolve) => {
    const child = execFile(
      PROGRAM,
      [...args],
      {
        cwd: options.cwd,
        env: { ...cleanEnvironment(), ...options.env },
        timeout: options.timeoutMs ?? 60_000,
      },
      (error, stdout, stderr) => {
        const exitCode = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
        resolve({ exitCode, stdout, stderr });
      },
    );
    child.stdin?.end(options.input ?? '');
  });
}

/** This process's environment without what would name a stack, or change how Node runs. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(SLIPWAY_|TEMPORAL_|DOCKER_|AWS_|NODE_OPTIONS|GIT_)/.test(name),
    ),
  );
}

/** Carries out a verb in this process, which is quicker; no stack runs as far as it knows. */
export async function runVerb(args: readonly string[]): Promise<SlipwayResult> {
  const streams = captureStreams();
  const exitCode = await runCommandLine(args, {
    stdout: streams.out,
    stderr: streams.err,
    env: { SLIPWAY_HOME: join(tmpdir(), 'slipway-test-no-stack') },
    interruption: { signal: new AbortController().signal },
  });
  return { exitCode, stdout: streams.stdout(), stderr: streams.stderr() };
}
