import type { SourceTree } from '../model/source-tree.ts';
import { RepositoryUnavailable } from '../model/errors.ts';
import { environmentWithoutGit, runGit } from './git-command.ts';
import { splitPaths } from './commits.ts';
import { createGitTree } from './git-tree.ts';

/** The tree of a revision straight from the objects of a repository on this machine, a bare one or any directory of a checkout. The working tree is not looked at. */
export function openCheckout(directory: string, revision: string): SourceTree {
  return createGitTree({ directory, revision, repository: directory });
}

/** Tracked files of a checkout that differ from its HEAD, staged or not. None in a bare repository. @throws {RepositoryUnavailable} */
export async function dirtyFiles(directory: string): Promise<readonly string[]> {
  // The user's own configuration counts here: line endings and filters decide what differs.
  const environment = { ...environmentWithoutGit(), GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' };
  const inside = await runGit(directory, ['rev-parse', '--is-inside-work-tree'], { environment });
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
  const { exitCode, stdout, stderr } = await runGit(directory, [...args, 'HEAD', '--'], { environment });
  if (exitCode === 0) return splitPaths(stdout);
  const born = await runGit(directory, ['rev-parse', '--verify', '--quiet', 'HEAD'], { environment });
  if (born.exitCode !== 0) return [];
  throw new RepositoryUnavailable(directory, stderr);
}
