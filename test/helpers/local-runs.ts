import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { localRuns } from '../../client/cli/local-runs.ts';
import { removeFleet } from '../../docker/sweep.ts';
import { DEV_ENGINE } from './dev-engine.ts';
import { GitRepository, scratchDirectory } from './git-repository.ts';
import { docker, taskContainers, until } from './live-stack.ts';
import type { ProgramResult } from './run-program.ts';
import { cleanEnvironment, runSlipway } from './run-slipway.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/slipway', import.meta.url));

/** A person's machine with an engine and a repository and no server, whose runs are known apart from everybody's. */
export class Laptop implements AsyncDisposable {
  readonly #scratch = scratchDirectory();
  readonly repository = new GitRepository(join(this.#scratch.path, 'project'));

  get env(): NodeJS.ProcessEnv {
    return {
      SLIPWAY_HOME: join(this.#scratch.path, 'no stack'),
      XDG_CACHE_HOME: join(this.#scratch.path, 'cache'),
      DOCKER_HOST: DEV_ENGINE,
      NO_COLOR: '1',
    };
  }

  slipway(args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<ProgramResult> {
    const { directory: cwd } = this.repository;
    return runSlipway(args, { cwd, env: { ...this.env, ...env }, input, timeoutMs: 120_000 });
  }

  /** The same on a terminal of 24 rows and 97 columns, on which somebody types what comes after each thing that is printed. */
  onTerminal(args: readonly string[], typed: readonly Typed[]): Promise<ProgramResult> {
    const { directory: cwd } = this.repository;
    return onTerminal(args, { cwd, env: this.env, typed });
  }

  /** Begins a verb, which somebody types that into, and gives it back when it has printed that. */
  async begin(args: readonly string[], untilPrinted: string, typed = ''): Promise<Begun> {
    const child = spawn(PROGRAM, args, {
      cwd: this.repository.directory,
      env: { ...cleanEnvironment(), ...this.env },
    });
    child.stdin.write(typed);
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const ended = once(child, 'close') as Promise<[number | null]>;
    await until(() => {
      if (child.exitCode !== null) throw new Error(`slipway ${args.join(' ')} ended: ${printed}`);
      return printed.includes(untilPrinted);
    });
    return { child, ended: async () => ({ exitCode: (await ended)[0], printed }) };
  }

  /** Containers and networks that its runs have in the engine now. */
  async leftInEngine(): Promise<readonly string[]> {
    const { fleet } = await localRuns(this.env);
    const networks = await docker('network', 'ls', '--filter', `label=slipway.fleet=${fleet}`, '--quiet');
    return [...(await taskContainers(fleet)), ...networks.split('\n').filter((id) => id !== '')];
  }

  /** With what its runs keep in the engine: their caches. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { fleet } = await localRuns(this.env);
    await removeFleet(DEV_ENGINE, fleet, { volumes: true });
    this.#scratch[Symbol.dispose]();
  }
}

/** `typed` when that `seen` has been printed, after what was typed before. */
export interface Typed {
  readonly seen: string;
  readonly typed: string;
}

/** A verb on a terminal of 24 rows and 97 columns; stdout is what a person sees there. */
export async function onTerminal(
  args: readonly string[],
  {
    cwd,
    env,
    typed,
  }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly typed: readonly Typed[] },
): Promise<ProgramResult> {
  const line = ['stty rows 24 cols 97;', PROGRAM, ...args].join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    cwd,
    env: { ...cleanEnvironment(), ...env },
  });
  let stdout = '';
  let looksFrom = 0;
  const steps = [...typed];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    const [next] = steps;
    const at = next ? stdout.indexOf(next.seen, looksFrom) : -1;
    if (!next || at < 0) return;
    looksFrom = at + next.seen.length;
    steps.shift();
    child.stdin.write(next.typed);
  });
  const timer = setTimeout(() => child.kill(), 120_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { exitCode: code ?? -1, stdout, stderr: '' };
}

export interface Begun {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: () => Promise<{ readonly exitCode: number | null; readonly printed: string }>;
}
