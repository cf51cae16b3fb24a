import type { SourceTree } from '../model/source-tree.ts';
import { RepositoryUnavailable } from '../model/errors.ts';
import { environmentWithoutGit, runGit } from './git-command.ts';
import { splitPaths } from './commits.ts';
import { createGitTree } from './git-tree.ts';

/** The tree of a revision straight from the objects of a repository on this machine, a bare one or any directory of a checkout. The working tree is not looked at. */
export function openCheckout(directory: string, revision: string): SourceTree {
  return createGitTree({ directory, revision, repository: directory });
}

/** How git says that a repository is not the user's own. */
const DISTRUST = /detected dubious ownership|^fatal: unsafe repository/;

/**
 * Tracked files of a checkout that differ from its HEAD, staged or not. None in a bare repository, nor in one of somebody else's:
 * git would run the filters that it names. @throws {RepositoryUnavailable}
 */
export async function dirtyFiles(directory: string): Promise<readonly string[]> {
  // The user's own configuration counts here: line endings and filters decide what differs.
  const environment = { ...environmentWithoutGit(), GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' };
  const options = { environment, asUser: true };
  const inside = await runGit(directory, ['rev-parse', '--is-inside-work-tree'], {
    ...options,
    environment: { ...environment, LC_ALL: 'C' },
  });
  if (DISTRUST.test(inside.stderr)) return [];
  if (inside.exitCode !== 0) throw new RepositoryUnavailable(directory, inside.stderr);
  if (inside.stdout.toString('utf8').trim() !== 'true') return [];
  const args = [
    'diff',
    '--name-only',
    '-z',
    '--no-renames',
    '--no-relative',
    '--no-ext-diff',
    '--ignore-submodules',
  ];
  const { exitCode, stdout, stderr } = await runGit(directory, [...args, 'HEAD', '--'], options);
  if (exitCode === 0) return splitPaths(stdout);
  const born = await runGit(directory, ['rev-parse', '--verify', '--quiet', 'HEAD'], options);
  if (born.exitCode !== 0) return [];
  throw new RepositoryUnavailable(directory, stderr);
}
