import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NotFound, RepositoryUnavailable, RevisionNotFound } from '../model/errors.ts';
import { environmentWithoutGit, runGit } from '../source/git-command.ts';

/** A repository on this machine: the top of a checkout, or a bare one. */
export interface LocalRepository {
  readonly directory: string;
  /** As the server is told: the directory, or of a linked worktree that of the repository whose branches and objects it has. */
  readonly repository: string;
  readonly isBare: boolean;
}

/**
 * The repository that holds a directory. Its path is as the caller wrote it when that names its top, so that it equals what
 * the configuration says about it. @throws {NotFound}
 */
export async function findLocalRepository(path: string): Promise<LocalRepository> {
  const directory = path.startsWith('file:') ? fileURLToPath(path) : resolve(path);
  const found = await stat(directory).catch(() => undefined);
  if (!found?.isDirectory()) throw new NotFound(`There is no directory ${path}`);
  const { stdout, stderr, exitCode } = await ask(directory, [
    'rev-parse',
    '--is-bare-repository',
    '--absolute-git-dir',
    '--git-common-dir',
  ]);
  if (exitCode !== 0) throw new NotFound(`${path} is no repository: ${stderr.replace(/^fatal: /, '')}`);
  const [bareText, gitDirectory = '', common = ''] = stdout.split('\n');
  const isBare = bareText === 'true';
  const top = isBare ? gitDirectory : await topOf(directory, gitDirectory);
  const own = (await realpath(directory)) === (await realpath(top)) ? directory : top;
  const commonDirectory = await realpath(resolve(directory, common));
  if (commonDirectory === (await realpath(gitDirectory))) return { directory: own, repository: own, isBare };
  const { repository } = await findLocalRepository(commonDirectory);
  return { directory: own, repository, isBare };
}

/** The full commit id that a revision names in a local repository. @throws {RevisionNotFound} @throws {NotFound} where nothing is committed */
export async function resolveRevision(repository: LocalRepository, rev: string): Promise<string> {
  const { directory } = repository;
  const { stdout, exitCode } = await ask(directory, [
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${rev}^{commit}`,
  ]);
  if (exitCode !== 0 && rev === 'HEAD')
    throw new NotFound(`There is no commit yet on the current branch of ${directory}`);
  if (exitCode !== 0) throw new RevisionNotFound(directory, rev);
  return stdout.trim();
}

/** The branch that a revision is written as (`HEAD`: the one that is checked out), else the checked-out one, as a full ref; undefined when HEAD is detached. */
export async function branchOf(repository: LocalRepository, rev: string): Promise<string | undefined> {
  for (const name of [rev, 'HEAD']) {
    const { stdout } = await ask(repository.directory, [
      'rev-parse',
      '--symbolic-full-name',
      '--end-of-options',
      name,
    ]);
    const ref = stdout.trim().split('\n').at(-1);
    if (ref?.startsWith('refs/heads/')) return ref;
  }
  return undefined;
}

/** The revision that a branch's upstream had when it was last seen; undefined when it has none. */
export async function upstreamRevision(
  repository: LocalRepository,
  ref: string,
): Promise<string | undefined> {
  const branch = ref.replace(/^refs\/heads\//, '');
  const { stdout, exitCode } = await ask(repository.directory, [
    'rev-parse',
    '--verify',
    '--quiet',
    `${branch}@{upstream}`,
  ]);
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** The commit that a full ref is at, or undefined when the repository has no such ref. */
export async function tipOf(repository: LocalRepository, ref: string): Promise<string | undefined> {
  const asked = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`];
  const { stdout, exitCode } = await ask(repository.directory, asked);
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** How the person's own git reaches repositories elsewhere. */
const REACH = ['GIT_SSH', 'GIT_SSH_COMMAND', 'GIT_ASKPASS'];

/**
 * The commit that a full ref is at just now in a repository that a checkout has as a remote, asked as `git push` there would be;
 * undefined when it has no such ref. @throws {RepositoryUnavailable}
 */
export async function tipAtRemote(
  { directory }: LocalRepository,
  { url, ref, signal }: { readonly url: string; readonly ref: string; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const reach = Object.entries(process.env).filter(([name]) => REACH.includes(name));
  const environment = {
    ...environmentWithoutGit(),
    ...Object.fromEntries(reach),
    GIT_ALLOW_PROTOCOL: 'file:https:ssh',
    LC_ALL: 'C',
  };
  const peeled = `${ref}^{}`;
  const asked = ['ls-remote', '--', url, ref, peeled];
  const { exitCode, stdout, stderr } = await runGit(directory, asked, { environment, signal });
  if (exitCode !== 0) throw new RepositoryUnavailable(url, stderr);
  const tips = new Map<string | undefined, string | undefined>();
  for (const line of stdout.toString('utf8').split('\n')) {
    const [tip, name] = line.split('\t');
    tips.set(name, tip);
  }
  // What a tag is of, where it is an object of its own.
  return tips.get(peeled) ?? tips.get(ref);
}

/** Whether a commit is another one or among its ancestors, as far as can be told: where objects are missing it may be. */
export async function holdsRevision(
  repository: LocalRepository,
  tip: string,
  revision: string,
): Promise<boolean> {
  const asked = ['merge-base', '--is-ancestor', revision, tip];
  const { exitCode, stderr } = await ask(repository.directory, asked);
  // Before 2.44, git says no where it could not read what lies between.
  return exitCode !== 1 || /^error:/m.test(stderr);
}

/** What a branch is called as it was last seen on remotes, as `origin/main`. */
export async function remoteBranches(
  repository: LocalRepository,
  branch: string,
): Promise<readonly string[]> {
  const asked = ['for-each-ref', '--format=%(refname)', `refs/remotes/*/${branch}`];
  const { stdout } = await ask(repository.directory, asked);
  return stdout.split('\n').flatMap((ref) => (ref === '' ? [] : [ref.replace(/^refs\/remotes\//, '')]));
}

/** Branches by their short names and tags by their full ones; only those whose history holds a revision, if one is named. */
export async function refsOf(repository: LocalRepository, holding?: string): Promise<readonly string[]> {
  const only = holding === undefined ? [] : ['--contains', holding];
  const asked = ['for-each-ref', '--format=%(refname)', ...only, 'refs/heads', 'refs/tags'];
  const { stdout } = await ask(repository.directory, asked);
  return stdout
    .split('\n')
    .filter((ref) => ref !== '')
    .map((ref) => ref.replace(/^refs\/heads\//, ''));
}

/** Where a repository's remotes are, in the order of its configuration. */
export async function remoteUrls(repository: LocalRepository): Promise<readonly string[]> {
  const { stdout } = await ask(repository.directory, [
    'config',
    '--get-regexp',
    '^remote\\..*\\.(push)?url$',
  ]);
  return stdout
    .split('\n')
    .map((line) => line.slice(line.indexOf(' ') + 1))
    .filter((url) => url !== '')
    .map((url) => (/^(\.{0,2}\/)/.test(url) ? resolve(repository.directory, url) : url));
}

async function topOf(directory: string, gitDirectory: string): Promise<string> {
  const { stdout, exitCode } = await ask(directory, ['rev-parse', '--show-toplevel']);
  if (exitCode === 0 && stdout.trim() !== '') return stdout.trim();
  // Inside `.git` itself, where the hooks of a checkout run.
  return basename(gitDirectory) === '.git' ? dirname(gitDirectory) : gitDirectory;
}

/** Only reading commands, with the person's own git configuration. */
async function ask(
  directory: string,
  args: readonly string[],
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const environment = { ...environmentWithoutGit(), GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };
  const { exitCode, stdout, stderr } = await runGit(directory, args, { environment });
  return { exitCode, stdout: stdout.toString('utf8').trimEnd(), stderr };
}

/** Whether a repository is named by a URL (or as ssh writes it, `git@host:path`) and not by a directory of this machine. */
export function isRemoteRepository(repository: string): boolean {
  if (/^file:/i.test(repository)) return false;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(repository) || /^[^/\s]+@[^/\s]+:/.test(repository);
}
