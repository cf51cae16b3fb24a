import { RepositoryUnavailable, RevisionNotFound } from '../model/errors.ts';
import { decodePath } from '../model/path-bytes.ts';
import { runGit } from './git-command.ts';
import type { Mirror } from './mirror.ts';

/** The full id of a commit in a repository on this machine, or undefined when it has none by that name. */
export async function findCommit(
  directory: string,
  rev: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (rev.startsWith('-')) return undefined;
  const args = ['rev-parse', '--verify', '--quiet', `${rev}^{commit}`];
  const { exitCode, stdout } = await runGit(directory, args, { signal });
  return exitCode === 0 ? stdout.toString('utf8').trim() : undefined;
}

/** @throws {RepositoryUnavailable} when a directory is not within a repository, or not to be read. */
export async function checkReadable(
  directory: string,
  repository: string,
  signal?: AbortSignal,
): Promise<void> {
  const { exitCode, stderr } = await runGit(directory, ['rev-parse', '--git-dir'], { signal });
  if (exitCode !== 0) throw new RepositoryUnavailable(repository, stderr);
}

/** @throws {RevisionNotFound} when a revision is not the tip of a ref, as the repository has it now, nor an ancestor of it. */
export async function checkReachable(
  mirror: Mirror,
  wanted: {
    readonly repository: string;
    readonly ref: string;
    readonly revision: string;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  const { repository, revision, signal } = wanted;
  const known = await mirror.identity();
  // Git itself would take a tag before a branch of that name, and a level hangs on the branch.
  const ref = wanted.ref.startsWith('refs/') ? wanted.ref : `refs/heads/${wanted.ref}`;
  const notFound = (detail: string): Error => new RevisionNotFound(repository, revision, detail);
  if (!isRefName(ref)) throw notFound(`cannot be looked for: "${wanted.ref}" is not a name of a ref`);
  const tip = await mirror.fetchRef(ref, signal);
  if (!tip) throw notFound(`is not reachable from ${ref}, which is not in the repository`);
  const { exitCode } = await mirror.git(['merge-base', '--is-ancestor', revision, tip], signal);
  if (exitCode === 0) return;
  // Git cannot tell: the revision is not here, or the history is broken on the way to it.
  if (exitCode !== 1 && (await mirror.mend('commits', signal, known))) return checkReachable(mirror, wanted);
  throw notFound(`is not reachable from ${ref}, which is at ${tip}`);
}

/** Whether git would take a text for the name of a ref; what is none could be a pattern or an option. */
export function isRefName(text: string): boolean {
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.lock(\/|$)/.test(text)) return false;
  return /^[^-./]/.test(text) && !/[./]$/.test(text) && text !== '@';
}

/** Paths of git's `-z` output. */
export function splitPaths(output: Buffer): string[] {
  const paths: string[] = [];
  for (let start = 0; start < output.length;) {
    const end = output.indexOf(0, start);
    paths.push(decodePath(output.subarray(start, end < 0 ? output.length : end)));
    start = end < 0 ? output.length : end + 1;
  }
  return paths;
}
