import { buffer } from 'node:stream/consumers';
import { decodePath } from '../model/path-bytes.ts';
import type { Located, SourceTree, TreeEntry } from '../model/source-tree.ts';

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

export interface TreeIndexOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told each place that an answer depended on: what stands there, or (`below`) everything below it. */
  readonly onLook?: ((path: string, how: 'at' | 'below') => void) | undefined;
}

/** A tree as a file system would show it: paths are followed through symbolic links, which may not leave it. */
export class TreeIndex {
  readonly #tree: SourceTree;
  readonly #options: TreeIndexOptions;

  constructor(tree: SourceTree, options: TreeIndexOptions = {}) {
    this.#tree = tree;
    this.#options = options;
  }

  /** Entries below a directory, recursively, in code point order. The path has no links in it; `''` is the root. */
  async below(directory: string): Promise<readonly TreeEntry[]> {
    const { signal, onLook } = this.#options;
    onLook?.(directory, 'below');
    return this.#tree.list(directory, signal);
  }

  /** What a path leads to. */
  async resolve(path: string): Promise<Resolved> {
    // Empty segments and dots mean nothing, but that what stands before them is no file: `file/` and `file/.` lead nowhere.
    const ahead = path.split('/');
    let current = '';
    let link = path;
    let links = 0;
    for (let segment = ahead.shift(); segment !== undefined; segment = ahead.shift()) {
      if (segment === '' || segment === '.') continue;
      if (segment === '..') {
        if (current === '') return { kind: 'outside', link };
        current = parentOf(current);
        continue;
      }
      const next = current === '' ? segment : `${current}/${segment}`;
      const found = await this.#look(next);
      if (!found) return { kind: 'missing' };
      const { kind, objectId } = found;
      if (kind === 'symlink') {
        links += 1;
        link = next;
        if (links > MAX_LINKS) return { kind: 'loop', link };
        const target = await this.#target({ path: next, kind, objectId });
        if (!target) return { kind: 'missing' };
        if (target.startsWith('/')) return { kind: 'outside', link };
        ahead.unshift(...target.split('/'));
      } else if (kind === 'directory' || kind === 'submodule') {
        current = next;
      } else {
        return ahead.length === 0
          ? { kind: 'file', entry: { path: next, kind, objectId } }
          : { kind: 'missing' };
      }
    }
    return { kind: 'directory', path: current };
  }

  /** What stands at a path, following no link; undefined when nothing does. */
  async kindAt(path: string): Promise<Located['kind'] | undefined> {
    return (await this.#look(path))?.kind;
  }

  /** The submodule that stands at a path or on the way there, following no link. Its files are another repository's. */
  async submoduleOn(path: string): Promise<string | undefined> {
    const segments = path.split('/');
    for (let depth = 1; depth <= segments.length; depth += 1) {
      const current = segments.slice(0, depth).join('/');
      const kind = await this.kindAt(current);
      if (kind === 'submodule') return current;
      if (kind !== 'directory') return undefined;
    }
    return undefined;
  }

  async #look(path: string): Promise<Located | undefined> {
    const { signal, onLook } = this.#options;
    onLook?.(path, 'at');
    return this.#tree.locate(path, signal);
  }

  async #target(entry: TreeEntry): Promise<string | undefined> {
    for await (const { sizeBytes, body } of this.#tree.readMany([entry], this.#options.signal)) {
      if (sizeBytes > MAX_TARGET_BYTES) return undefined;
      return decodePath(await buffer(body));
    }
    return undefined;
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
