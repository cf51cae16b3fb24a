import { isAlias, isCollection, isMap, isNode, isPair, isScalar, isSeq } from 'yaml';
import type { Alias, LineCounter, Node, Pair, YAMLMap } from 'yaml';

export type YamlPath = readonly (string | number)[];

/** Line and column count from 1. */
export interface Place {
  /** Where it is not the file that is being read. */
  readonly file?: string;
  readonly line: number;
  readonly column: number;
}

/** Node behind an alias; undefined when its anchor is not set before it. */
export type ResolveAlias = (alias: Alias) => Node | undefined;

/** Where a path stands: the node that names it (a map's key) and the node of its value. */
export interface Located {
  readonly key: Node | undefined;
  readonly value: Node | undefined;
  /** How many segments of the path exist. */
  readonly depth: number;
}

/** Finds paths of plain values in the nodes of a document, through aliases and merge keys. */
export class YamlPositions {
  readonly #root: Node | undefined;
  readonly #resolve: ResolveAlias;
  readonly #lines: LineCounter;
  /** Pairs by key: a map with thousands of keys is asked thousands of times. */
  readonly #pairs = new WeakMap<YAMLMap, Map<string, Pair>>();

  constructor(root: Node | undefined, resolve: ResolveAlias, lines: LineCounter) {
    this.#root = root;
    this.#resolve = resolve;
    this.#lines = lines;
  }

  locate(path: YamlPath): Located {
    let key: Node | undefined;
    let value = this.#root;
    for (const [depth, segment] of path.entries()) {
      const container = this.#behind(value);
      if (isSeq(container) && typeof segment === 'number') {
        const item = asNode(container.items[segment]);
        if (!item) return { key, value, depth };
        key = item;
        value = item;
        continue;
      }
      const pair = isMap(container) ? this.#pairOf(container, String(segment)) : undefined;
      if (!pair) return { key, value, depth };
      key = asNode(pair.key);
      value = asNode(pair.value);
    }
    return { key, value, depth: path.length };
  }

  /** Where a path stands; where its nearest existing ancestor has its key if it is not there. */
  place(path: YamlPath, at: 'key' | 'value' = 'value'): Place {
    const { key, value, depth } = this.locate(path);
    const wantsKey = at === 'key' || depth < path.length || !value || isBelowItsKey(value);
    return this.placeOf((wantsKey ? key : undefined) ?? value);
  }

  placeOf(node: Node | undefined): Place {
    return this.placeAt(node?.range?.[0] ?? 0);
  }

  placeAt(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #behind(node: Node | undefined): Node | undefined {
    return isAlias(node) ? this.#resolve(node) : node;
  }

  /** Own keys win over merged ones, and an earlier merge over a later one, as in the values. */
  #pairOf(map: YAMLMap, key: string): Pair | undefined {
    let pairs = this.#pairs.get(map);
    if (!pairs) {
      pairs = new Map();
      for (const pair of map.items) if (!isMergePair(pair)) pairs.set(keyText(pair.key), pair);
      this.#pairs.set(map, pairs);
    }
    const own = pairs.get(key);
    if (own) return own;
    for (const pair of map.items.filter(isMergePair)) {
      for (const source of this.mergeSources(pair)) {
        const merged = isMap(source) ? this.#pairOf(source, key) : undefined;
        if (merged) return merged;
      }
    }
    return undefined;
  }

  /** The nodes that a `<<` brings in; each should be a map. */
  mergeSources(pair: Pair): (Node | undefined)[] {
    const source = this.#behind(asNode(pair.value));
    return isSeq(source) ? source.items.map((item) => this.#behind(asNode(item))) : [source];
  }
}

/** Whether a pair is a merge key, `<<: *anchor`. */
export function isMergePair(pair: Pair): boolean {
  return isScalar(pair.key) && typeof pair.key.value === 'symbol' && pair.key.value.description === '<<';
}

/** The text that a scalar key has in the plain value. */
export function keyText(key: unknown): string {
  if (!isScalar(key)) return '';
  return key.value === null ? '' : String(key.value);
}

export function asNode(value: unknown): Node | undefined {
  return isNode(value) && !isPair(value) ? value : undefined;
}

/** A block collection begins on the line after its key, an empty value nowhere: the key says more. */
function isBelowItsKey(value: Node): boolean {
  if (isCollection(value)) return !value.flow;
  return value.range?.[0] === value.range?.[1];
}
