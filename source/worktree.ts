import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { RepositoryUnavailable } from '../model/errors.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { findCommit } from './commits.ts';
import { environmentWithoutGit, runGit } from './git-command.ts';
import { createGitTree } from './git-tree.ts';

/**
 * The tracked files of a checkout as they stand in its working tree now, staged or not: what `git commit --all` would commit.
 * Neither the working tree nor the index is touched; changed contents are added to the repository's objects, where nothing
 * names them and git removes them in time. The revision is the id of a tree. @throws {RepositoryUnavailable} also when git refuses a
 * directory of somebody else's.
 */
export async function openWorktree(directory: string, signal?: AbortSignal): Promise<SourceTree> {
  const scratch = await mkdtemp(join(tmpdir(), 'slipway-index-'));
  try {
    const index = join(scratch, 'index');
    const found = (await ask(directory, ['rev-parse', '--git-path', 'index'], { signal })).trim();
    await copyFile(resolve(directory, found), index).catch((error: unknown) => {
      // A repository without any commit or added file has no index: then nothing is tracked.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
    await ask(directory, ['add', '--update', '--', ':/'], { index, signal });
    const revision = (await ask(directory, ['write-tree'], { index, signal })).trim();
    const commit = (await findCommit(directory, 'HEAD', signal)) ?? null;
    return createGitTree({ directory, revision, repository: directory, commit });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function ask(
  directory: string,
  args: readonly string[],
  { index, signal }: { readonly index?: string; readonly signal?: AbortSignal | undefined },
): Promise<string> {
  // The user's own configuration counts: line endings and filters decide what would be committed.
  const environment = {
    ...environmentWithoutGit(),
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C',
    ...(index === undefined ? {} : { GIT_INDEX_FILE: index }),
  };
  const { exitCode, stdout, stderr } = await runGit(directory, args, { environment, signal, asUser: true });
  if (exitCode !== 0)
    throw new RepositoryUnavailable(directory, `its working tree cannot be read: ${stderr}`);
  return stdout.toString('utf8');
}
