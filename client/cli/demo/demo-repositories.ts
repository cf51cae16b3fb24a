import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { installHook } from '../../hooks/install.ts';
import { environmentWithoutGit } from '../../../source/git-command.ts';
import { SLIPWAY_PROGRAM } from '../own-command.ts';

const EXAMPLE = fileURLToPath(new URL('../../../examples/hello', import.meta.url));

const run = promisify(execFile);

/** The repositories of the demo: what a developer has in front of them, and the two that they push to. */
export interface DemoRepositories {
  /** A checkout of examples/hello, with the remotes `origin` and `try`. */
  readonly work: string;
  /** Its `main` is trusted with level 3. */
  readonly origin: string;
  /** Anybody's changes, level 1. */
  readonly tryOut: string;
}

/** Where they lie below the state directory; nothing is made. */
export function demoRepositories(stateDirectory: string): DemoRepositories {
  const root = join(stateDirectory, 'demo');
  return { work: join(root, 'hello'), origin: join(root, 'demo.git'), tryOut: join(root, 'demo-try.git') };
}

/** Makes the repositories anew, from the example and with one commit, and installs the hook in both that are pushed to. */
export async function makeDemoRepositories(
  repositories: DemoRepositories,
  options: { readonly stateDirectory: string; readonly mark: string },
): Promise<void> {
  const { work, origin, tryOut } = repositories;
  await rm(join(options.stateDirectory, 'demo'), { recursive: true, force: true });
  for (const bare of [origin, tryOut]) {
    await mkdir(bare, { recursive: true });
    await git(bare, ['init', '--quiet', '--bare', '--initial-branch=main']);
    await installHook(bare, { program: SLIPWAY_PROGRAM, stateDirectory: options.stateDirectory });
  }
  await cp(EXAMPLE, work, { recursive: true });
  // Without it a second demo would find the images of the first, and build nothing.
  await appendLine(join(work, 'docker/base/Dockerfile'), `LABEL demo="${options.mark}"`);
  await git(work, ['init', '--quiet', '--initial-branch=main']);
  await git(work, ['remote', 'add', 'origin', origin]);
  await git(work, ['remote', 'add', 'try', tryOut]);
  await commit(work, 'Say hello');
}

export async function appendLine(path: string, line: string): Promise<void> {
  await writeFile(path, `${await readFile(path, 'utf8')}${line}\n`);
}

/** Commits everything; gives the revision. */
export async function commit(work: string, message: string): Promise<string> {
  await git(work, ['add', '--all']);
  await git(work, ['commit', '--quiet', '--message', message]);
  return (await git(work, ['rev-parse', 'HEAD'])).stdout.trim();
}

/** Runs git as nobody in particular: the settings of whoever plays the demo do not count. */
export async function git(
  directory: string,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return run('git', ['-C', directory, ...args], {
    env: {
      ...environmentWithoutGit(),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: devNull,
      GIT_AUTHOR_NAME: 'Demo',
      GIT_AUTHOR_EMAIL: 'demo@example.invalid',
      GIT_COMMITTER_NAME: 'Demo',
      GIT_COMMITTER_EMAIL: 'demo@example.invalid',
      GIT_TERMINAL_PROMPT: '0',
    },
  });
}
