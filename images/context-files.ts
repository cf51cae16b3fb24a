import { posix } from 'node:path';
import type { Finding } from '../model/findings.ts';
import type { TreeEntry } from '../model/source-tree.ts';
import type { Include } from './special-comments.ts';
import type { Resolved, TreeIndex } from './tree-index.ts';

export type FindingPlace = Pick<Finding, 'file' | 'line' | 'column'>;

/** Raised when the same Dockerfile and tree would give other files, or leave others out: what is known of unchanged trees does not count then. */
export const WALK = 3;
/** Where what a `# %include` names stands in the context. */
export const INCLUDES = 'topsrcdir';
const BYTECODE = '__pycache__';
const OUT_OF_TREE = 'commit the file itself instead, or make the link in the image by "RUN ln -s"';

/** Collects the files of a context under their names there. What leaves the tree or is not there becomes a finding. */
export class ContextFiles {
  readonly files = new Map<string, TreeEntry>();
  /** Names of those that a link leads to, and where in the tree the link is. */
  readonly links = new Map<string, string>();
  /** Links to directories, and submodules, by their paths in the tree. */
  readonly leftOut: string[] = [];
  readonly #refused: Finding[] = [];
  /** By name, since nothing is wrong with a link once something else stands there. */
  readonly #badLinks = new Map<string, Finding>();
  readonly #index: TreeIndex;

  constructor(index: TreeIndex) {
    this.#index = index;
  }

  get findings(): readonly Finding[] {
    return [...this.#refused, ...this.#badLinks.values()];
  }

  /**
   * Adds every file below a directory of the tree (a path without links in it). As taskgraph walks: links to files are
   * taken for those files; links to directories, submodules and Python's bytecode are passed over.
   */
  async addDirectory(
    directory: string,
    nameInContext: (path: string) => string,
    place?: FindingPlace,
  ): Promise<void> {
    for (const entry of await this.#index.below(directory)) {
      const path = directory === '' ? entry.path : entry.path.slice(directory.length + 1);
      if (path.split('/').slice(0, -1).includes(BYTECODE)) continue;
      if (entry.kind === 'submodule') {
        this.leftOut.push(entry.path);
        continue;
      }
      const name = nameInContext(path);
      if (entry.kind !== 'symlink') {
        this.#put(name, entry, entry.path);
        continue;
      }
      const target = await this.#index.resolve(entry.path);
      if (target.kind === 'file') {
        this.#put(name, target.entry, entry.path);
      } else if (target.kind === 'directory') {
        this.leftOut.push(entry.path);
      } else {
        const where = place ?? { file: entry.path, line: 1, column: 1 };
        this.#badLinks.set(name, { severity: 'error', ...where, ...describe(target, entry.path) });
      }
    }
  }

  /** Adds what a `# %include` names. */
  async addInclude(include: Include, dockerfile: string): Promise<void> {
    const { path: written, line, column } = include;
    const place = { file: dockerfile, line, column };
    const problem = problemOf(written);
    if (problem) {
      this.#refuse(place, problem);
      return;
    }
    // Dots and a slash at the end are taken away before links are followed: that is how taskgraph reads a path.
    const path = posix.normalize(written).replace(/\/$/, '');
    const found = await this.#index.resolve(path);
    if (found.kind === 'file') {
      this.#put(`${INCLUDES}/${written}`, found.entry, path);
    } else if (found.kind === 'directory') {
      const prefix = `${INCLUDES}/${written}${written.endsWith('/') ? '' : '/'}`;
      if ((await this.#index.kindAt(found.path)) === 'submodule') this.leftOut.push(found.path);
      await this.addDirectory(found.path, (inside) => prefix + inside, place);
    } else if (found.kind === 'missing') {
      this.#refuse(place, {
        message: `included path "${written}" does not exist in the tree`,
        hint: 'paths of "# %include" begin at the root of the repository; only committed files count',
      });
    } else {
      this.#refuse(place, describe(found, written));
    }
  }

  #put(name: string, entry: TreeEntry, place: string): void {
    this.files.set(name, entry);
    this.#badLinks.delete(name);
    if (entry.path === place) this.links.delete(name);
    else this.links.set(name, place);
  }

  #refuse(place: FindingPlace, what: Pick<Finding, 'message' | 'hint'>): void {
    this.#refused.push({ severity: 'error', ...place, ...what });
  }
}

function problemOf(include: string): Pick<Finding, 'message' | 'hint'> | undefined {
  const hint = 'write a path from the root of the repository';
  if (include === '') return { message: '"# %include" names no path', hint };
  if (include.startsWith('/')) return { message: `included path "${include}" is absolute`, hint };
  if (/^\.\.(\/|$)/.test(posix.normalize(include)))
    return { message: `included path "${include}" is outside the tree`, hint };
  return undefined;
}

function describe(
  found: Exclude<Resolved, { kind: 'file' | 'directory' }>,
  path: string,
): Pick<Finding, 'message' | 'hint'> {
  if (found.kind === 'missing')
    return {
      message: `"${path}" is a symbolic link to something that does not exist in the tree`,
      hint: 'mend or remove the link',
    };
  const via = found.link === path ? `"${path}" is` : `"${path}" leads through "${found.link}",`;
  return found.kind === 'loop'
    ? { message: `${via} a symbolic link that leads round in a loop`, hint: 'mend or remove the link' }
    : { message: `${via} a symbolic link out of the tree`, hint: OUT_OF_TREE };
}
