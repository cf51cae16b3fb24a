import { valueAt } from './values.ts';
import type { YamlPath } from './yaml-positions.ts';

/** Lists that lose items, and which of theirs the items are that stay. */
export class ShortenedLists {
  /** By list, which an anchor may give to several owners: the items to take out, and where the list stands. */
  readonly #doomed = new Map<unknown[], { readonly indexes: Set<number>; readonly paths: YamlPath[] }>();
  readonly #stayed = new Map<unknown, readonly number[]>();

  /** Notes an item that the next {@link shorten} takes out. */
  doom(list: unknown[], index: number, path: YamlPath): void {
    const doomed = this.#doomed.get(list) ?? { indexes: new Set(), paths: [] };
    doomed.indexes.add(index);
    doomed.paths.push(path);
    this.#doomed.set(list, doomed);
  }

  /** Takes the items out; gives the paths of lists of which none would be left, which it leaves as they are. */
  shorten(): readonly YamlPath[] {
    const emptied: YamlPath[] = [];
    for (const [list, { indexes, paths }] of this.#doomed) {
      if (indexes.size === list.length) {
        emptied.push(...paths);
        continue;
      }
      const before = this.#stayed.get(list) ?? list.map((_, index) => index);
      const staying = list.flatMap((item, index) =>
        indexes.has(index) ? [] : [{ item, at: before[index] }],
      );
      list.splice(0, list.length, ...staying.map(({ item }) => item));
      this.#stayed.set(
        list,
        staying.map(({ at = 0 }) => at),
      );
    }
    this.#doomed.clear();
    return [...new Map(emptied.map((path) => [JSON.stringify(path), path])).values()];
  }

  /** The path that something had before lists were shortened. */
  pathInText(root: unknown, path: YamlPath): YamlPath {
    if (this.#stayed.size === 0) return path;
    return path.map((segment, depth) => {
      if (typeof segment !== 'number') return segment;
      return this.#stayed.get(valueAt(root, path.slice(0, depth)))?.[segment] ?? segment;
    });
  }
}
