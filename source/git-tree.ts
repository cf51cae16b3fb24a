import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { isSlipwayError, RepositoryUnavailable, RevisionNotFound } from '../model/errors.ts';
import { comparePaths, decodePath } from '../model/path-bytes.ts';
import type { ArchiveOptions, Located, SourceTree, TreeEntry } from '../model/source-tree.ts';
import { checkReadable, findCommit } from './commits.ts';
import { gitDirectory } from './git-directory.ts';
import type { GitDirectoryOptions } from './git-directory.ts';
import { runGit } from './git-command.ts';
import { refusalOfPartialClone } from './partial-clone.ts';
import { ReaderPool } from './reader-pool.ts';
import { RepositoryRefused } from './repository-url.ts';
import { treeArchive } from './tree-archive.ts';
import type { FurtherEntry } from './tree-archive.ts';
import { ForbiddenName, isForbidden, kindOf, TreeWalk } from './tree-walk.ts';

const TAB = 9;

/** What a revision of a repository on this machine is read from. */
export interface TreeLocation {
  /** A bare repository, or any directory of a checkout. */
  readonly directory: string;
  readonly revision: string;
  /** The repository as errors should name it. */
  readonly repository: string;
  /** Of a tree that is no commit's: the commit that it would be committed on, or null where there is none yet. */
  readonly commit?: string | null;
  /** A directory of ours where a `.git` that was made lies for the next who wants the same; default: none is kept. */
  readonly keptIn?: string;
  /**
   * Of a directory of ours, which had the revision when this was made: called when something in it could not be read, so that what is
   * damaged is had anew by whoever opens the revision next.
   */
  readonly mend?: (signal?: AbortSignal) => Promise<unknown>;
}

/** The files of a revision, straight from git's objects; no working tree is looked at or made. */
export function createGitTree(location: TreeLocation): SourceTree {
  return new GitTree(location);
}

class GitTree implements SourceTree {
  readonly revision: string;
  readonly #location: TreeLocation;
  readonly #readers: ReaderPool;
  #entries: Promise<readonly TreeEntry[]> | undefined;
  readonly #walk: TreeWalk;

  constructor(location: TreeLocation) {
    this.revision = location.revision;
    this.#location = location;
    this.#readers = new ReaderPool(location.directory, location.repository);
    this.#walk = new TreeWalk(this.#readers, `${location.revision}^{tree}`);
  }

  async list(directory: string, signal?: AbortSignal): Promise<readonly TreeEntry[]> {
    const entries = await this.#all(signal);
    if (directory === '') return entries;
    const prefix = `${directory}/`;
    const start = firstIndex(entries, prefix);
    let end = start;
    while (entries[end]?.path.startsWith(prefix)) end += 1;
    return entries.slice(start, end);
  }

  async find(path: string, signal?: AbortSignal): Promise<TreeEntry | undefined> {
    const found = await this.locate(path, signal);
    if (!found || found.kind === 'directory') return undefined;
    return { path, kind: found.kind, objectId: found.objectId };
  }

  async locate(path: string, signal?: AbortSignal): Promise<Located | undefined> {
    const { repository } = this.#location;
    checkedRevision(this.#location);
    signal?.throwIfAborted();
    const found = await this.#walk.locate(path).catch(async (error: unknown) => {
      if (error instanceof ForbiddenName) throw holdsForbidden(repository, error.path);
      throw await this.#trouble(error, signal);
    });
    signal?.throwIfAborted();
    return found;
  }

  async readFile(path: string, signal?: AbortSignal): Promise<Buffer | undefined> {
    const entry = await this.find(path, signal);
    if (!entry || entry.kind === 'submodule') return undefined;
    let content: Buffer | undefined;
    for await (const { body } of this.readMany([entry], signal)) content = await buffer(body);
    return content;
  }

  async *readMany(
    entries: readonly TreeEntry[],
    signal?: AbortSignal,
  ): AsyncGenerator<{ entry: TreeEntry; sizeBytes: number; body: Readable }> {
    const objects = this.#readers.read(
      entries.map((entry) => entry.objectId),
      signal,
    );
    let index = 0;
    let met: unknown;
    let last: Readable | undefined;
    try {
      for await (const object of objects) {
        const entry = entries[index++];
        if (!entry || !object) throw this.#lacks(entry);
        last = object.body;
        yield { entry, sizeBytes: object.sizeBytes, body: object.body };
      }
    } catch (error) {
      signal?.throwIfAborted();
      met = error;
      throw (await this.#refusalOfPartialClone()) ?? error;
    } finally {
      // Who reads a long content meets the error, and leaves.
      met ??= last?.errored;
      if (isSlipwayError(met) && met.type === 'RepositoryUnavailable') await this.#mend(signal);
    }
  }

  archive(signal?: AbortSignal, options: ArchiveOptions = {}): Readable {
    return Readable.from(this.#archive(options, signal), { objectMode: false });
  }

  async *#archive(
    { dated = new Date(), git }: ArchiveOptions,
    signal?: AbortSignal,
  ): AsyncGenerator<Buffer, void> {
    const first =
      git && this.#gitDirectory({ ...this.#location, commit: this.#commit(), dated, ...git }, signal);
    yield* treeArchive(this, { dated, first, signal });
  }

  async *#gitDirectory(
    options: GitDirectoryOptions,
    signal?: AbortSignal,
  ): AsyncGenerator<FurtherEntry, void> {
    try {
      yield* gitDirectory(options, signal);
    } catch (error) {
      await this.#mend(signal);
      throw error;
    }
  }

  #commit(): string {
    const { repository, commit } = this.#location;
    if (commit === undefined) return checkedRevision(this.#location);
    if (commit === null) throw new RevisionNotFound(repository, 'HEAD', 'is no commit yet');
    return commit;
  }

  /** Read once: a revision never changes. A reader that was cancelled leaves nothing behind for the next. */
  async #all(signal?: AbortSignal): Promise<readonly TreeEntry[]> {
    this.#entries ??= this.#listTree();
    const entries = await this.#entries.catch((error: unknown) => {
      this.#entries = undefined;
      throw error;
    });
    signal?.throwIfAborted();
    return entries;
  }

  async #listTree(): Promise<readonly TreeEntry[]> {
    const { directory, repository } = this.#location;
    const revision = checkedRevision(this.#location);
    const result = await runGit(directory, ['ls-tree', '-r', '-z', '--full-tree', revision]);
    if (result.exitCode !== 0) throw await this.#trouble(result.stderr);
    return parseListing(result.stdout, repository);
  }

  /** Why the tree cannot be had, from an error or git's words. */
  async #trouble(met: unknown, signal?: AbortSignal): Promise<Error> {
    const { directory, revision, repository, mend } = this.#location;
    await this.#mend(signal);
    await checkReadable(directory, repository);
    // What is ours had it, and can be given it again.
    if (!mend && !(await findCommit(directory, revision))) return new RevisionNotFound(repository, revision);
    const refusal = await this.#refusalOfPartialClone();
    if (refusal) return refusal;
    if (isSlipwayError(met)) return met;
    const detail = met instanceof Error ? met.message : String(met);
    return new RepositoryUnavailable(repository, `its tree cannot be listed: ${detail}`);
  }

  /** Whether it helps or not, what is told is what could not be read. */
  async #mend(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return;
    await this.#location.mend?.(signal).catch(() => undefined);
  }

  /** Git reads what is there of one, and ends at what is not. */
  async #refusalOfPartialClone(): Promise<Error | undefined> {
    const { directory, repository } = this.#location;
    return refusalOfPartialClone(directory, repository);
  }

  #lacks(entry: TreeEntry | undefined): Error {
    const what = entry ? `the content of "${entry.path}" (${entry.objectId})` : 'an object';
    return new RepositoryUnavailable(this.#location.repository, `${what} is missing`);
  }
}

/** A revision that git could take for an option or a range is none. */
function checkedRevision({ repository, revision }: TreeLocation): string {
  if (/^[A-Za-z0-9][^\s\0]*$/.test(revision) && !revision.includes('..')) return revision;
  throw new RevisionNotFound(repository, revision);
}

/** Takes `<mode> <type> <object>\t<path>\0` apart. Names that git itself refuses to check out are refused here too. */
function parseListing(listing: Buffer, repository: string): readonly TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let start = 0; start < listing.length;) {
    const end = listing.indexOf(0, start);
    const tab = listing.indexOf(TAB, start);
    const [mode = '', , objectId = ''] = listing.toString('latin1', start, tab).split(' ');
    const path = decodePath(listing.subarray(tab + 1, end));
    const kind = kindOf(Number.parseInt(mode, 8));
    if (isForbidden(path)) throw holdsForbidden(repository, path);
    if (kind !== 'directory') entries.push({ path, kind, objectId });
    start = end + 1;
  }
  // Git's order is that of bytes, which differs only where a path is not UTF-8.
  return entries.sort((a, b) => comparePaths(a.path, b.path));
}

function holdsForbidden(repository: string, path: string): Error {
  return new RepositoryRefused(repository, `its tree holds the forbidden path "${path}"`);
}

function firstIndex(entries: readonly TreeEntry[], prefix: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePaths(entries[middle]?.path ?? '', prefix) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
