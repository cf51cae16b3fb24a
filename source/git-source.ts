import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { devNull } from 'node:os';
import { join, resolve } from 'node:path';
import { isSlipwayError, RepositoryUnavailable, RevisionNotFound } from '../model/errors.ts';
import { makeStateDirectory } from '../model/make-state-directory.ts';
import { REVISION_PATTERN } from '../model/pure/ids.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { checkReachable, checkReadable, findCommit, isRefName, splitPaths } from './commits.ts';
import { gitEnvironment, runGit } from './git-command.ts';
import { createGitTree } from './git-tree.ts';
import { withHintOfCredentials } from './with-hint-of-credentials.ts';
import { isThere } from './is-there.ts';
import { Mirror } from './mirror.ts';
import type { ObjectFormat } from './mirror.ts';
import { refusalOfPartialClone } from './partial-clone.ts';
import { parseRepository } from './repository-url.ts';
import type { RepositoryUrl } from './repository-url.ts';

export { dirtyFiles, openCheckout } from './checkout.ts';

export interface GitSourceOptions {
  /** Where the mirrors lie; made if it is not there. Several processes may share it. */
  readonly mirrorsDirectory: string;
  /** The state directory that they lie in, made before them; default: they lie in none. */
  readonly stateDirectory?: string;
  /** Whether absolute paths and file URLs may be read, besides https and ssh. */
  readonly allowFile: boolean;
  /** A git configuration file, for credentials. The user's own and the system's are not read. */
  readonly configFile?: string | undefined;
}

export interface OpenOptions {
  readonly ref?: string;
  readonly revision: string;
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
}

/** Repositories and what is in them. Only git plumbing is run; nothing of a repository is executed. */
export interface GitSource {
  /**
   * The tree of a revision (a full commit id), fetched into the repository's mirror as far as it is missing there.
   * With a ref, which without `refs/` is a branch, the revision must be reachable from where the ref is now. No fetch of others in this
   * process is waited for that takes longer than `patienceMs`; default: as long as it takes.
   * @throws {RepositoryUnavailable} for good where it is a partial clone that lacks some of it. @throws {RepositoryBusy}
   * @throws {RevisionNotFound}
   */
  open(repository: string, options: OpenOptions): Promise<SourceTree>;
  /** The full commit id for a ref, an abbreviated id or, in a local repository, any way git has to name a commit. @throws {RepositoryUnavailable} @throws {RevisionNotFound} */
  resolve(repository: string, rev: string, signal?: AbortSignal): Promise<string>;
  /** Paths that differ between two revisions, or undefined when `from` is not known (a new ref, a lost history). @throws {RepositoryUnavailable} @throws {RevisionNotFound} for `to` */
  changedFiles(
    repository: string,
    from: string,
    to: string,
    signal?: AbortSignal,
  ): Promise<readonly string[] | undefined>;
  /** The best common ancestor of two revisions or refs, or undefined when there or one of them is none. @throws {RepositoryUnavailable} */
  mergeBase(repository: string, a: string, b: string, signal?: AbortSignal): Promise<string | undefined>;
  /** The message of a commit, of one that is opened. @throws {RepositoryUnavailable} */
  message(repository: string, revision: string, signal?: AbortSignal): Promise<string>;
}

/** Repositories read by the `git` of this machine. */
export function createGitSource(options: GitSourceOptions): GitSource {
  return new MirroringSource(options);
}

const CONFIG_NAME = 'gitconfig';

/** A directory of git objects, and whether (or how) a commit gets there. */
interface Objects {
  readonly directory: string;
  ensure(revision: string): Promise<boolean>;
  /** To be called when they could not be read: of ours what is damaged is had again by the next attempt. */
  mend(): Promise<unknown>;
}

interface Asked {
  /** Of the repository's ids, where it is known. */
  readonly format?: ObjectFormat | undefined;
  readonly signal?: AbortSignal | undefined;
}

class MirroringSource implements GitSource {
  readonly #options: GitSourceOptions;
  readonly #mirrors = new Map<string, Mirror>();
  /** Of those that somebody reads: the list of a large tree takes some 100 MB, and all runs of a push want the same. */
  readonly #trees = new Map<string, WeakRef<SourceTree>>();
  readonly #unread = new FinalizationRegistry<string>((key) => {
    if (!this.#trees.get(key)?.deref()) this.#trees.delete(key);
  });

  constructor(options: GitSourceOptions) {
    this.#options = options;
  }

  async open(repository: string, { ref, revision, patienceMs, signal }: OpenOptions): Promise<SourceTree> {
    const url = parseRepository(repository, this.#options);
    if (!REVISION_PATTERN.test(revision))
      throw new RevisionNotFound(repository, revision, 'is not a full commit id');
    const mirror = await this.#mirror(url, formatOf(revision), signal);
    const asked = patienceMs === undefined ? mirror : mirror.within(patienceMs);
    if (ref !== undefined) await checkReachable(asked, { repository, ref, revision, signal });
    else if (!(await asked.ensureRevision(revision, signal)))
      throw new RevisionNotFound(repository, revision);
    return this.#tree(mirror, { repository, revision });
  }

  async resolve(repository: string, rev: string, signal?: AbortSignal): Promise<string> {
    return this.#resolve(repository, rev, { signal });
  }

  async #resolve(repository: string, rev: string, { format, signal }: Asked): Promise<string> {
    const url = parseRepository(repository, this.#options);
    if (rev === '' || rev.startsWith('-')) throw new RevisionNotFound(repository, rev, 'is not a revision');
    const found = url.directory
      ? await findCommit(url.directory, rev, signal)
      : await this.#resolveRemote(url, rev, { format, signal });
    if (found) return found;
    if (url.directory) await checkReadable(url.directory, repository, signal);
    throw new RevisionNotFound(repository, rev);
  }

  async changedFiles(
    repository: string,
    from: string,
    to: string,
    signal?: AbortSignal,
  ): Promise<readonly string[] | undefined> {
    const objects = await this.#objects(repository, to, signal);
    if (!(await objects.ensure(to))) throw new RevisionNotFound(repository, to);
    if (/^0*$/.test(from) || !(await objects.ensure(from))) return undefined;
    const args = ['diff-tree', '-r', '-z', '--name-only', '--no-renames', '--no-ext-diff', from, to, '--'];
    const { exitCode, stdout, stderr } = await runGit(objects.directory, args, { signal });
    if (exitCode === 0) return splitPaths(stdout);
    await objects.mend();
    const refusal = await refusalOfPartialClone(objects.directory, repository, signal);
    throw refusal ?? new RepositoryUnavailable(repository, `no difference could be made: ${stderr}`);
  }

  async mergeBase(
    repository: string,
    a: string,
    b: string,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const ends: string[] = [];
    const known = [a, b].find((end) => REVISION_PATTERN.test(end));
    const asked = { format: known === undefined ? undefined : formatOf(known), signal };
    for (const end of [a, b]) {
      const revision = REVISION_PATTERN.test(end) ? end : await this.#resolveOrNone(repository, end, asked);
      if (revision === undefined) return undefined;
      const objects = await this.#objects(repository, revision, signal);
      if (!(await objects.ensure(revision))) return undefined;
      ends.push(revision);
    }
    const { directory } = await this.#objects(repository, ends[0] ?? a, signal);
    const { exitCode, stdout } = await runGit(directory, ['merge-base', ...ends], { signal });
    return exitCode === 0 ? stdout.toString('utf8').trim() : undefined;
  }

  async message(repository: string, revision: string, signal?: AbortSignal): Promise<string> {
    const { directory, ensure } = await this.#objects(repository, revision, signal);
    if (!(await ensure(revision))) throw new RevisionNotFound(repository, revision);
    const args = ['show', '--no-patch', '--format=%B', revision, '--'];
    const { exitCode, stdout, stderr } = await runGit(directory, args, { signal });
    if (exitCode !== 0) throw new RepositoryUnavailable(repository, `no commit message: ${stderr}`);
    return stdout.toString('utf8');
  }

  async #tree(
    mirror: Mirror,
    { repository, revision }: { readonly repository: string; readonly revision: string },
  ): Promise<SourceTree> {
    // One of a mirror that was made anew since may have a git at work that is still in the old one.
    const key = `${repository} ${revision} ${await mirror.identity()}`;
    const known = this.#trees.get(key)?.deref();
    if (known) return known;
    const { directory } = mirror;
    const keptIn = join(directory, 'slipway-checkouts');
    const mend = (signal?: AbortSignal): Promise<unknown> => mirror.mend('all', signal);
    const tree = createGitTree({ directory, revision, repository, keptIn, mend });
    this.#trees.set(key, new WeakRef(tree));
    this.#unread.register(tree, key);
    return tree;
  }

  async #resolveRemote(
    url: RepositoryUrl,
    rev: string,
    { format, signal }: Asked,
  ): Promise<string | undefined> {
    const isWhole = REVISION_PATTERN.test(rev);
    const known = isWhole ? formatOf(rev) : format;
    const mirror = await this.#mirror(url, known ?? (await this.#formatThere(url, signal)), signal);
    if (isWhole) return (await mirror.ensureRevision(rev, signal)) ? rev : undefined;
    const candidates =
      rev === 'HEAD' || rev.startsWith('refs/') ? [rev] : [`refs/heads/${rev}`, `refs/tags/${rev}`];
    for (const ref of candidates.filter(isRefName)) {
      const tip = await mirror.fetchRef(ref, signal);
      if (tip) return tip;
    }
    if (!/^[0-9a-f]{4,64}$/.test(rev)) return undefined;
    await mirror.fetchAll(signal);
    return findCommit(mirror.directory, rev, signal);
  }

  /** As the ids of its refs say it, whatever names are asked for; without any ref it does not matter. @throws {RepositoryUnavailable} */
  async #formatThere({ url }: RepositoryUrl, signal?: AbortSignal): Promise<ObjectFormat> {
    await this.#writeConfig();
    // In no repository: the configuration of one around the mirrors would count.
    const environment = { ...this.#environment, GIT_DIR: devNull };
    const asked = ['ls-remote', '--quiet', '--heads', '--tags', url];
    const answer = await runGit(this.#options.mirrorsDirectory, asked, { signal, environment });
    if (answer.exitCode !== 0)
      throw new RepositoryUnavailable(url, withHintOfCredentials(answer.stderr) || 'git gave no reason');
    return formatOf(answer.stdout.toString('latin1').split('\t', 1)[0] ?? '');
  }

  async #resolveOrNone(repository: string, rev: string, asked: Asked): Promise<string | undefined> {
    try {
      return await this.#resolve(repository, rev, asked);
    } catch (error) {
      if (isSlipwayError(error) && error.type === 'RevisionNotFound') return undefined;
      throw error;
    }
  }

  /** A local repository answers questions about itself; what is opened to be used later is mirrored. */
  async #objects(repository: string, revision: string, signal?: AbortSignal): Promise<Objects> {
    const url = parseRepository(repository, this.#options);
    const { directory } = url;
    if (directory !== undefined) {
      await checkReadable(directory, repository, signal);
      return {
        directory,
        ensure: async (wanted) => (await findCommit(directory, wanted, signal)) !== undefined,
        mend: () => Promise.resolve(),
      };
    }
    const mirror = await this.#mirror(url, formatOf(revision), signal);
    return {
      directory: mirror.directory,
      ensure: async (wanted) => mirror.ensureRevision(wanted, signal),
      mend: () => mirror.mend('all', signal),
    };
  }

  async #mirror(url: RepositoryUrl, format: ObjectFormat, signal?: AbortSignal): Promise<Mirror> {
    const { mirrorsDirectory } = this.#options;
    const key = `${format} ${url.key}`;
    const known = this.#mirrors.get(key);
    const mirror = known ?? new Mirror(url, format, { mirrorsDirectory, environment: this.#environment });
    this.#mirrors.set(key, mirror);
    // All of it can be made again, and may be taken away under a running process.
    if (!known || !(await isThere(this.#configPath))) await this.#writeConfig();
    await mirror.ensure(signal);
    return mirror;
  }

  /** Of the commands that reach repositories. */
  get #environment(): NodeJS.ProcessEnv {
    const transports = ['https', 'ssh', ...(this.#options.allowFile ? ['file'] : [])];
    return gitEnvironment(transports, this.#configPath);
  }

  /** Processes that are given different files share the mirrors, and do not write over each other's. */
  get #configPath(): string {
    const { mirrorsDirectory, configFile } = this.#options;
    const suffix = configFile === undefined ? '' : `-${shortHash(resolve(configFile))}`;
    return join(mirrorsDirectory, `${CONFIG_NAME}${suffix}`);
  }

  /** The other end of a local fetch is a git of its own that obeys only a configuration file, not our `-c`. */
  async #writeConfig(): Promise<void> {
    const { mirrorsDirectory, stateDirectory, configFile } = this.#options;
    const include =
      configFile === undefined ? '' : `[include]\n\tpath = ${JSON.stringify(resolve(configFile))}\n`;
    if (stateDirectory !== undefined) await makeStateDirectory(stateDirectory);
    await mkdir(mirrorsDirectory, { recursive: true });
    const fresh = `${this.#configPath}.${randomBytes(6).toString('hex')}`;
    await writeFile(fresh, `[safe]\n\tdirectory = *\n${include}`);
    await rename(fresh, this.#configPath);
  }
}

function formatOf(revision: string): ObjectFormat {
  return revision.length === 64 ? 'sha256' : 'sha1';
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
