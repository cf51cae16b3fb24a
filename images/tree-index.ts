import { buffer } from 'node:stream/consumers';
import { comparePaths, decodePath } from '../model/path-bytes.ts';
import type { SourceTree, TreeEntry } from '../model/source-tree.ts';

/** As many links as Linux follows before it speaks of a loop. */
const MAX_LINKS = 40;
/** No path that Linux could open is longer. */
const MAX_TARGET_BYTES = 4096;

export type Resolved =
  | { readonly kind: 'file'; readonly entry: TreeEntry }
  /** `path` has no links in it; a submodule is a directory without files, as in a plain checkout. */
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'missing' }
  /** A link on the way leads out of the tree, or round and round. */
  | { readonly kind: 'outside' | 'loop'; readonly link: string };

/** A tree as a file system would show it: paths are followed through symbolic links, which may not leave it. */
export interface TreeIndex {
  resolve(path: string, signal?: AbortSignal): Promise<Resolved>;
  /** Entries below a directory, recursively, in code point order. The path has no links in it; `''` is the root. */
  below(directory: string): readonly TreeEntry[];
}

const indexes = new WeakMap<SourceTree, Promise<TreeIndex>>();

/** The index of a tree, made once for each tree. */
export async function indexTree(tree: SourceTree, signal?: AbortSignal): Promise<TreeIndex> {
  const known = indexes.get(tree);
  if (known) return known;
  const made = tree.list('', signal).then((entries) => new ListedTree(tree, entries));
  indexes.set(tree, made);
  made.catch(() => indexes.delete(tree));
  return made;
}

class ListedTree implements TreeIndex {
  readonly #tree: SourceTree;
  readonly #entries: readonly TreeEntry[];
  readonly #byPath: ReadonlyMap<string, TreeEntry>;

  constructor(tree: SourceTree, entries: readonly TreeEntry[]) {
    this.#tree = tree;
    this.#entries = entries;
    this.#byPath = new Map(entries.map((entry) => [entry.path, entry]));
  }

  below(directory: string): readonly TreeEntry[] {
    if (directory === '') return this.#entries;
    const prefix = `${directory}/`;
    const start = this.#firstNotBefore(prefix);
    let end = start;
    while (this.#entries[end]?.path.startsWith(prefix)) end += 1;
    return this.#entries.slice(start, end);
  }

  async resolve(path: string, signal?: AbortSignal): Promise<Resolved> {
    const ahead = segmentsOf(path);
    let current = '';
    let link = path;
    let links = 0;
    for (let segment = ahead.shift(); segment !== undefined; segment = ahead.shift()) {
      if (segment === '..') {
        if (current === '') return { kind: 'outside', link };
        current = parentOf(current);
        continue;
      }
      const next = current === '' ? segment : `${current}/${segment}`;
      const entry = this.#byPath.get(next);
      if (entry?.kind === 'symlink') {
        links += 1;
        link = next;
        if (links > MAX_LINKS) return { kind: 'loop', link };
        const target = await this.#target(entry, signal);
        if (target === undefined) return { kind: 'missing' };
        if (target.startsWith('/')) return { kind: 'outside', link };
        ahead.unshift(...segmentsOf(target));
      } else if (entry && entry.kind !== 'submodule') {
        return ahead.length === 0 ? { kind: 'file', entry } : { kind: 'missing' };
      } else if (entry || this.#isDirectory(next)) {
        current = next;
      } else {
        return { kind: 'missing' };
      }
    }
    return { kind: 'directory', path: current };
  }

  async #target(entry: TreeEntry, signal?: AbortSignal): Promise<string | undefined> {
    for await (const { sizeBytes, body } of this.#tree.readMany([entry], signal)) {
      if (sizeBytes > MAX_TARGET_BYTES) return undefined;
      return decodePath(await buffer(body));
    }
    return undefined;
  }

  #isDirectory(path: string): boolean {
    const prefix = `${path}/`;
    return this.#entries[this.#firstNotBefore(prefix)]?.path.startsWith(prefix) ?? false;
  }

  #firstNotBefore(path: string): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (comparePaths(this.#entries[middle]?.path ?? '', path) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Without empty segments and `.`, which mean nothing. */
function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '' && segment !== '.');
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
