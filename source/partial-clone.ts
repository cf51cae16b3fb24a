import { runGit } from './git-command.ts';
import { RepositoryRefused } from './repository-url.ts';

/** What is left out lies mostly where files were changed last but one: so many commits are walked through for it. */
const WALKED = 1000;

/**
 * Why a repository on this machine does not give what it lacks, if it is a partial clone: its own git fetches that when it is wanted,
 * by whatever the clone's configuration says, and git does so for nobody who reads or fetches from it. Undefined for any other.
 */
export async function refusalOfPartialClone(
  directory: string,
  repository: string,
  signal?: AbortSignal,
): Promise<RepositoryRefused | undefined> {
  const asked = ['config', '--get-regexp', '^(extensions\\.partialclone|remote\\..*\\.promisor)$'];
  const { stdout } = await runGit(directory, asked, { signal });
  const [line = ''] = stdout.toString('utf8').split('\n');
  if (line === '') return undefined;
  const remote = /^remote\.(.*)\.promisor/.exec(line)?.[1] ?? line.slice(line.indexOf(' ') + 1);
  return new RepositoryRefused(
    repository,
    `it is a partial clone, and what it lacks cannot be had from it. To make it whole, type there: git config --unset remote.${remote}.partialclonefilter; git fetch --refetch ${remote}`,
  );
}

/** The same, of a partial clone that lacks something of a revision and its newest history; undefined also of one that was made whole. */
export async function refusalOfLacking(
  directory: string,
  revision: string,
  signal?: AbortSignal,
): Promise<RepositoryRefused | undefined> {
  const refusal = await refusalOfPartialClone(directory, directory, signal);
  if (!refusal) return undefined;
  const walk = ['rev-list', '--quiet', '--objects', '--in-commit-order', `--max-count=${WALKED}`];
  const { exitCode } = await runGit(directory, [...walk, revision, '--'], { signal });
  return exitCode === 0 ? undefined : refusal;
}

/** Whether git said that it failed for want of an object that a partial clone lacks. */
export function lacksPromised(stderr: string): boolean {
  return /promisor remote|lazy fetching/.test(stderr);
}
