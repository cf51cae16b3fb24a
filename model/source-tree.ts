import type { Readable } from 'node:stream';

/** How git sees an entry: a file, an executable file, a symbolic link, or another repository (a submodule). */
export type TreeEntryKind = 'file' | 'executable' | 'symlink' | 'submodule';

export interface TreeEntry {
  /** Path from the root of the tree, with `/`; may hold any byte but NUL and `/` in its segments. */
  readonly path: string;
  readonly kind: TreeEntryKind;
  /** Object id of the content: equal ids mean equal bytes. */
  readonly objectId: string;
}

/** What stands at a path. */
export interface Located {
  readonly kind: TreeEntryKind | 'directory';
  /** Of a directory it stands for everything below: names, kinds and contents. */
  readonly objectId: string;
}

/** The files of one revision. Nothing here looks at a working tree unless the implementation says so. */
export interface SourceTree {
  readonly revision: string;
  /** All entries below a directory (`''` is the root), recursively, in code point order of their paths. Empty when there is no such directory. */
  list(directory: string, signal?: AbortSignal): Promise<readonly TreeEntry[]>;
  /** The entry at a path, following no link; undefined when there is none or it is a directory. */
  find(path: string, signal?: AbortSignal): Promise<TreeEntry | undefined>;
  /** What stands at a path, following no link: an entry or a directory (`''` is the root). Costs little, however large the tree is. */
  locate(path: string, signal?: AbortSignal): Promise<Located | undefined>;
  /** Content of a file or the target of a symlink, or undefined when the path is no entry. */
  readFile(path: string, signal?: AbortSignal): Promise<Buffer | undefined>;
  /** Contents of many entries in the given order, streamed one after the other; each body must be consumed before the next is asked for. */
  readMany(
    entries: readonly TreeEntry[],
    signal?: AbortSignal,
  ): AsyncIterable<{ readonly entry: TreeEntry; readonly sizeBytes: number; readonly body: Readable }>;
  /** A tar of the whole tree, modes as in git, all of one time; without `.git` unless it is asked for. */
  archive(signal?: AbortSignal, options?: ArchiveOptions): Readable;
}

export interface ArchiveOptions {
  /** The time of all that is in it, to the millisecond; default: now. By a commit's time a changed file could be older than what was built without the change. */
  readonly dated?: Date | undefined;
  /** A `.git` whose HEAD is the commit, which has this many commits of each line of its history, and the tags that lead to them. */
  readonly git?: { readonly depth: number } | undefined;
}
