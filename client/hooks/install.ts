import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ConfigInvalid } from '../../model/errors.ts';
import { environmentWithoutGit } from '../../source/git-command.ts';
import { findLocalRepository } from '../local-repository.ts';
import { quoteWord } from '../quote-word.ts';

export interface InstallOptions {
  /** The program that the hook calls. */
  readonly program: string;
  /** State directory of the stack that the hook reaches, wherever it runs. */
  readonly stateDirectory: string;
}

export interface InstalledHook {
  readonly path: string;
  /** False when the very same hook was there. */
  readonly changed: boolean;
}

/** Known by this line, so that a hook of somebody else's is never overwritten. */
const MARK = '# Made by `slipway hook install`';

const run = promisify(execFile);

/**
 * Makes a repository, bare or not, tell Slipway about every branch that arrives, and lets `git push -o` through to it. Safe to
 * repeat. @throws {ConfigInvalid} when the repository has a post-receive hook of somebody else's.
 */
export async function installHook(repository: string, options: InstallOptions): Promise<InstalledHook> {
  const { directory } = await findLocalRepository(repository);
  const hooks = await hooksDirectory(directory);
  const path = join(hooks, 'post-receive');
  const script = hookScript(options);
  const found = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found !== undefined && !found.includes(MARK)) throw foreignHook(path, directory, options);
  await git(directory, ['config', 'receive.advertisePushOptions', 'true']);
  if (found === script) {
    await chmod(path, 0o755);
    return { path, changed: false };
  }
  await mkdir(hooks, { recursive: true });
  // A push that arrives meanwhile runs the old hook or the new one, never half of it.
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, script);
  await chmod(temporary, 0o755);
  await rename(temporary, path);
  return { path, changed: true };
}

/** Where git looks for the hooks of a repository that is pushed to; `core.hooksPath` counts, from where they run: in a checkout that is `.git`. */
async function hooksDirectory(directory: string): Promise<string> {
  const runsIn = resolve(directory, await git(directory, ['rev-parse', '--git-dir']));
  return resolve(runsIn, await git(runsIn, ['rev-parse', '--git-path', 'hooks']));
}

function hookScript(options: InstallOptions): string {
  return `#!/bin/sh
${MARK}: tells Slipway about every branch that arrived.
# The refs are there already, so whatever happens here refuses nothing.
${callOf(options)}
exit 0
`;
}

function callOf({ program, stateDirectory }: InstallOptions): string {
  return `SLIPWAY_HOME=${quoteWord(stateDirectory)} ${quoteWord(program)} hook receive`;
}

function foreignHook(path: string, directory: string, options: InstallOptions): ConfigInvalid {
  return new ConfigInvalid(
    `${path} is a hook of somebody else's and stays as it is. For git push -o type: git -C ${quoteWord(directory)} config receive.advertisePushOptions true. Let it hand its standard input to: ${callOf(options)}`,
  );
}

/** The repository may be anybody's, as where it is read. Not by `runGit`, for which there are no hooks. @throws {ConfigInvalid} in git's words */
async function git(directory: string, args: readonly string[]): Promise<string> {
  const env = { ...environmentWithoutGit(), LC_ALL: 'C' };
  try {
    const { stdout } = await run('git', ['-C', directory, '-c', 'safe.directory=*', ...args], { env });
    return stdout.trim();
  } catch (error) {
    const { stderr, message } = error as Error & { readonly stderr?: string };
    throw new ConfigInvalid(`git ${args.join(' ')} in ${directory}: ${stderr?.trim() || message}`, {
      cause: error,
    });
  }
}
