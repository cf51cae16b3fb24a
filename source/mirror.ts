import { createHash, randomBytes } from 'node:crypto';
import { glob, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { devNull } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RepositoryUnavailable } from '../model/errors.ts';
import { runGit } from './git-command.ts';
import type { GitResult } from './git-command.ts';
import { withHintOfCredentials } from './with-hint-of-credentials.ts';
import { isThere } from './is-there.ts';
import type { Extent } from './mirror-damage.ts';
import { isDamaged } from './mirror-damage.ts';
import { lacksPromised, refusalOfPartialClone } from './partial-clone.ts';
import type { RepositoryUrl } from './repository-url.ts';
import { Turns } from './turns.ts';

/** Other processes fetch into the same mirror; where their locks meet ours, we come again. */
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 40;
const STALE_LOCK_MS = 10 * 60 * 1000;
/** Each fetch brings a pack of its own, and git looks for an object in all of them. */
const MAX_PACKS = 50;
/** A mirror that was looked through and is whole is not looked through again at once: that reads all of it. */
const WHOLE_FOR_MS = 10 * 60 * 1000;
const ALL_REFS = '+refs/*:refs/slipway/all/*';
/** Under their own names: git itself then says which of them lead to what is taken from here. */
const TAGS = '+refs/tags/*:refs/tags/*';

export interface MirrorOptions {
  readonly mirrorsDirectory: string;
  /** Environment of the commands that reach the repository; see `gitEnvironment`. */
  readonly environment: NodeJS.ProcessEnv;
  /** Fetches of this process go one after the other: the second mostly finds its objects there. */
  readonly turns?: Turns;
  /** How long one fetch of others is waited for. Default: as long as it takes. */
  readonly patienceMs?: number;
}

export type ObjectFormat = 'sha1' | 'sha256';

/**
 * A bare repository beside others that holds what was fetched of one repository, and its tags as they were then. Any number of
 * processes may use it at once.
 */
export class Mirror {
  readonly directory: string;
  readonly #repository: RepositoryUrl;
  readonly #format: ObjectFormat;
  readonly #options: MirrorOptions;
  readonly #turns: Turns;

  constructor(repository: RepositoryUrl, format: ObjectFormat, options: MirrorOptions) {
    const name = format === 'sha1' ? `${repository.key}.git` : `${repository.key}-${format}.git`;
    this.directory = join(options.mirrorsDirectory, name);
    this.#repository = repository;
    this.#format = format;
    this.#options = options;
    this.#turns = options.turns ?? new Turns(repository.url);
  }

  /** The same one for somebody who waits for no fetch of others that takes longer. */
  within(patienceMs: number): Mirror {
    return new Mirror(this.#repository, this.#format, { ...this.#options, turns: this.#turns, patienceMs });
  }

  /** Makes the mirror if there is none. */
  async ensure(signal?: AbortSignal): Promise<void> {
    if (await this.#isThere()) return;
    await this.#make(await this.identity(), signal);
  }

  /** Tells one that was made anew from the one before; undefined while there is none. */
  async identity(): Promise<number | undefined> {
    return stat(this.directory).then(
      ({ ino }) => ino,
      () => undefined,
    );
  }

  /**
   * Makes the mirror anew, and empty, if it is damaged as far as it is looked through. Tells whether it is another one than that which
   * is known, or than what is there now, by whomever it was made: then what failed may be tried again.
   */
  async mend(extent: Extent, signal?: AbortSignal, known?: number): Promise<boolean> {
    const before = known ?? (await this.identity());
    return this.#inTurn(async () => {
      const found = await this.identity();
      const isOther = found !== before || found === undefined;
      if (!isOther && (extent !== 'all' || performance.now() - this.#turns.wholeMs > WHOLE_FOR_MS)) {
        if (await isDamaged(this.directory, extent, signal)) await this.#make(found, signal);
        if (extent === 'all') this.#turns.wholeMs = performance.now();
      }
      await this.ensure(signal);
      return (await this.identity()) !== before;
    }, signal);
  }

  /** Whether a commit is here with all that it needs, as far as fetches were whole. */
  async has(revision: string, signal?: AbortSignal): Promise<boolean> {
    const result = await this.git(['cat-file', '-e', `${revision}^{commit}`], signal);
    return result.exitCode === 0;
  }

  /** Fetches a ref and gives the commit at its tip, or undefined when the repository has no such ref. */
  async fetchRef(ref: string, signal?: AbortSignal): Promise<string | undefined> {
    const local = `refs/slipway/refs/${hashOf(ref)}`;
    const known = await this.identity();
    const fetched = await this.#fetch([`+${ref}:${local}`, TAGS], [ref], signal);
    if (!fetched) return undefined;
    const tip = await this.git(['rev-parse', '--verify', '--quiet', `${local}^{commit}`], signal);
    if (tip.exitCode === 0) return tip.stdout.toString('utf8').trim();
    return (await this.identity()) === known ? undefined : this.fetchRef(ref, signal);
  }

  /** Makes sure that a commit is here; false when the repository does not have it either. */
  async ensureRevision(revision: string, signal?: AbortSignal): Promise<boolean> {
    if (await this.has(revision, signal)) return true;
    const known = await this.identity();
    if (await this.#fetchRevision(revision, signal)) return true;
    // Of a history that is broken here git tells the repository that we have it, and nothing of it is sent.
    return (await this.mend('commits', signal, known)) && this.#fetchRevision(revision, signal);
  }

  /** Fetches a commit by its id, or everything where the server does not give commits by id; tells whether it is here then. */
  async #fetchRevision(revision: string, signal?: AbortSignal): Promise<boolean> {
    const byId = `+${revision}:refs/slipway/revisions/${revision}`;
    for (const refspecs of [[byId, TAGS], [byId]])
      if ((await this.#attempt(refspecs, signal)).exitCode === 0 || (await this.has(revision, signal)))
        return true;
    await this.fetchAll(signal);
    return this.has(revision, signal);
  }

  /** Fetches every ref that the repository shows. */
  async fetchAll(signal?: AbortSignal): Promise<void> {
    await this.#fetch([ALL_REFS, TAGS], [], signal);
  }

  async git(args: readonly string[], signal?: AbortSignal): Promise<GitResult> {
    return runGit(this.directory, args, { signal });
  }

  /**
   * Fetches until it works; false when the repository answers but has none of the wanted refs. @throws {RepositoryRefused} for a
   * partial clone on this machine that lacks what is wanted.
   */
  async #fetch(refspecs: string[], wanted: string[], signal?: AbortSignal): Promise<boolean> {
    const known = await this.identity();
    const first = await this.#tryToFetch(refspecs, wanted, signal);
    if (typeof first === 'boolean') return first;
    // What git failed at may lie here.
    const isOther = await this.mend('all', signal, known);
    const last = isOther ? await this.#tryToFetch(refspecs, wanted, signal) : first;
    if (typeof last === 'boolean') return last;
    throw this.#unavailable(`fetching failed ${ATTEMPTS} times: ${last}`);
  }

  /** The same, but gives git's words where it does not work however often it is tried. */
  async #tryToFetch(refspecs: string[], wanted: string[], signal?: AbortSignal): Promise<boolean | string> {
    let failure = '';
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (attempt > 0) await this.#makeWay(attempt, signal);
      // A tag that cannot be had must not stand in the way of all else.
      const stillAsked = attempt < ATTEMPTS / 2 ? refspecs : refspecs.filter((refspec) => refspec !== TAGS);
      const result = await this.#attempt(stillAsked, signal);
      if (result.exitCode === 0) return true;
      failure = result.stderr;
      if (lacksPromised(failure)) await this.#refusePartialClone(signal);
      // Git's exit code does not tell these apart; ls-remote's does.
      const answer = await this.#listRemote(wanted, signal);
      if (answer.exitCode === 2) return false;
      if (answer.exitCode !== 0) throw this.#unavailable(withHintOfCredentials(answer.stderr));
    }
    return failure;
  }

  async #refusePartialClone(signal?: AbortSignal): Promise<void> {
    const { directory, url } = this.#repository;
    const refusal = directory && (await refusalOfPartialClone(directory, url, signal));
    if (refusal) throw refusal;
  }

  async #attempt(refspecs: readonly string[], signal?: AbortSignal): Promise<GitResult> {
    return this.#inTurn(async () => {
      const args = [
        'fetch',
        '--quiet',
        '--no-tags',
        '--no-write-fetch-head',
        '--no-recurse-submodules',
        // A repository may itself be shallow.
        '--update-shallow',
        // A branch or tag `a` that became `a/b` must make room. Of what is named outright nothing is pruned.
        ...(refspecs.some((refspec) => refspec.includes('*')) ? ['--prune'] : []),
        this.#repository.url,
        ...refspecs,
      ];
      const result = await runGit(this.directory, args, { signal, environment: this.#options.environment });
      if (result.exitCode === 0) await this.#putTogether(signal);
      return result;
    }, signal);
  }

  #inTurn<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return this.#turns.take(work, { signal, patienceMs: this.#options.patienceMs });
  }

  /**
   * Makes few packs and one file of refs of those of many fetches. Nothing gets lost, neither what no ref leads to any more nor
   * what somebody reads or fetches meanwhile; that it fails is no reason for anybody to.
   */
  async #putTogether(signal?: AbortSignal): Promise<void> {
    const names = await readdir(join(this.directory, 'objects', 'pack')).catch(() => []);
    if (names.filter((name) => name.endsWith('.pack')).length <= MAX_PACKS) return;
    await this.git(['repack', '--geometric=2', '-d', '-n', '--quiet'], signal);
    await this.git(['pack-refs', '--all'], signal);
  }

  /** In no repository, so that it answers for the one that is asked and for nothing that lies here. */
  async #listRemote(wanted: readonly string[], signal?: AbortSignal): Promise<GitResult> {
    const environment = { ...this.#options.environment, GIT_DIR: devNull };
    const args = ['ls-remote', '--exit-code', this.#repository.url, ...wanted];
    return runGit(dirname(this.directory), args, { signal, environment });
  }

  /**
   * Made aside and renamed, so nobody sees half of one, into the place of what lay there, if it is still that: another process may have
   * been faster. Whoever reads or fetches in the old one goes on there as long as that lasts, and fails then.
   */
  async #make(instead: number | undefined, signal?: AbortSignal): Promise<void> {
    const [fresh, old] = [this.#beside(), this.#beside()];
    await mkdir(fresh, { recursive: true });
    try {
      const args = ['init', '--quiet', '--bare', '--template=', `--object-format=${this.#format}`];
      const result = await runGit(fresh, args, { signal });
      if (result.exitCode !== 0) throw this.#unavailable(`no mirror could be made: ${result.stderr}`);
      if (instead !== undefined && (await this.identity()) === instead) await rename(this.directory, old);
      await rename(fresh, this.directory);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(await this.#isThere())) throw error;
    } finally {
      await rm(fresh, { recursive: true, force: true });
      // A git that is at work in it may just have written something.
      await rm(old, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    }
  }

  #beside(): string {
    return `${this.directory}.${randomBytes(6).toString('hex')}`;
  }

  async #isThere(): Promise<boolean> {
    return isThere(join(this.directory, 'HEAD'));
  }

  /** Waits for those who hold a lock, and takes away the locks of those who died with theirs. */
  async #makeWay(attempt: number, signal?: AbortSignal): Promise<void> {
    await sleep(FIRST_PAUSE_MS * 2 ** attempt * (0.5 + Math.random()), undefined, { signal });
    for await (const lock of glob('{*.lock,refs/**/*.lock}', { cwd: this.directory })) {
      const path = join(this.directory, lock);
      const since = await stat(path).then(
        (found) => found.mtimeMs,
        () => Infinity,
      );
      if (Date.now() - since > STALE_LOCK_MS) await rm(path, { force: true });
    }
  }

  #unavailable(detail: string): RepositoryUnavailable {
    return new RepositoryUnavailable(this.#repository.url, detail || 'git gave no reason');
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
