import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Alias, LineCounter, Node, Pair, YAMLMap } from 'yaml';
import { YamlPositions, asNode, isMergePair, keyText } from './yaml-positions.ts';
import type { Place } from './yaml-positions.ts';

export interface NodeFinding extends Place {
  readonly message: string;
  readonly hint?: string;
}

export interface CheckedNodes {
  readonly findings: readonly NodeFinding[];
  /** The nodes have no plain value: an alias leads nowhere, into itself, or too far. */
  readonly broken: boolean;
  resolve(alias: Alias): Node | undefined;
}

/** How many values a text may have when every alias is written out; 10,000 tasks have some hundred thousand. */
export const MAX_VALUES = 2_000_000;

/**
 * Walks the nodes once, in the order of the text: finds equal keys, keys that are no text, aliases without an anchor
 * or of themselves, merges of what is no map, and texts that aliases blow up.
 */
export function checkNodes(root: Node | undefined, lines: LineCounter): CheckedNodes {
  const findings: NodeFinding[] = [];
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  /** Values below a node with aliases written out; undefined while the walk is inside it. */
  const sizes = new Map<Node, number | undefined>();
  const resolve = (alias: Alias): Node | undefined => targets.get(alias);
  const positions = new YamlPositions(root, resolve, lines);
  let broken = false;

  if (root && measure(root) > MAX_VALUES) {
    breakAt(
      root,
      `aliases blow this text up to more than ${MAX_VALUES} values`,
      'use fewer aliases of aliases',
    );
  }
  return { findings, broken, resolve };

  function measure(node: Node): number {
    if (isAlias(node)) return measureAlias(node);
    if ('anchor' in node && typeof node.anchor === 'string') anchors.set(node.anchor, node);
    sizes.set(node, undefined);
    let size = 1;
    if (isSeq(node)) for (const item of node.items) size += measureChild(item);
    if (isMap(node)) {
      checkKeys(node);
      for (const pair of node.items) {
        size += measureChild(pair.key) + measureChild(pair.value);
        if (isMergePair(pair)) checkMerge(pair);
      }
    }
    sizes.set(node, size);
    return size;
  }

  function measureChild(child: unknown): number {
    const node = asNode(child);
    return node ? measure(node) : 0;
  }

  function measureAlias(alias: Alias): number {
    const target = anchors.get(alias.source);
    if (!target) {
      breakAt(
        alias,
        `there is no anchor "&${alias.source}" before this alias`,
        `quote the text if no alias is meant: "*${alias.source}"`,
      );
      return 0;
    }
    targets.set(alias, target);
    const size = sizes.get(target);
    if (size !== undefined) return size;
    breakAt(alias, `the alias "*${alias.source}" is inside the value that it stands for`);
    return 0;
  }

  function checkKeys(map: YAMLMap): void {
    const first = new Map<string, Pair>();
    for (const pair of map.items) {
      if (isMergePair(pair)) continue;
      const key = asNode(pair.key);
      const text = keyText(key);
      if (!isScalar(key) || key.value === null || text === '__proto__') {
        report(key ?? map, text ? `a key cannot be "${text}"` : 'a key must be a text');
        continue;
      }
      const earlier = first.get(text);
      if (!earlier) {
        first.set(text, pair);
        continue;
      }
      const { line } = positions.placeOf(asNode(earlier.key));
      report(key, `duplicate key "${text}"`, `it stands in line ${line} already; keep one of the two`);
    }
  }

  function checkMerge(pair: Pair): void {
    // A source that is not there is an alias without an anchor, which has been reported.
    if (positions.mergeSources(pair).every((source) => !source || isMap(source))) return;
    breakAt(asNode(pair.key), '"<<" merges maps only', 'write "<<: *anchor" where the anchor is on a map');
  }

  function breakAt(node: Node | undefined, message: string, hint?: string): void {
    broken = true;
    report(node, message, hint);
  }

  function report(node: Node | undefined, message: string, hint?: string): void {
    findings.push({ ...positions.placeOf(node), message, ...(hint ? { hint } : {}) });
  }
}
