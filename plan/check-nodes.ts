import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Alias, LineCounter, Node, Pair, YAMLMap } from 'yaml';
import { MAX_PLAN_CHARACTERS } from './plan-size.ts';
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

/** What is below a node, with aliases written out. */
interface Size {
  readonly values: number;
  /** Of texts alone. */
  readonly characters: number;
}

const NOTHING: Size = { values: 0, characters: 0 };

/**
 * Walks the nodes once, in the order of the text: finds equal keys, keys that are no text, aliases without an anchor
 * or of themselves, merges of what is no map, and texts that aliases blow up.
 */
export function checkNodes(root: Node | undefined, lines: LineCounter): CheckedNodes {
  const findings: NodeFinding[] = [];
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  /** undefined while the walk is inside a node. */
  const sizes = new Map<Node, Size | undefined>();
  const resolve = (alias: Alias): Node | undefined => targets.get(alias);
  const positions = new YamlPositions(root, resolve, lines);
  let broken = false;

  const whole = root ? measure(root) : NOTHING;
  if (whole.values > MAX_VALUES) blownUp(`${MAX_VALUES} values`, 'use fewer aliases of aliases');
  else if (whole.characters > MAX_PLAN_CHARACTERS)
    blownUp(`${MAX_PLAN_CHARACTERS} characters`, 'use fewer aliases of long texts');
  return { findings, broken, resolve };

  function measure(node: Node): Size {
    if (isAlias(node)) return measureAlias(node);
    if ('anchor' in node && typeof node.anchor === 'string') anchors.set(node.anchor, node);
    sizes.set(node, undefined);
    let values = 1;
    let characters = isScalar(node) && typeof node.value === 'string' ? node.value.length : 0;
    const add = (child: unknown): void => {
      const below = asNode(child);
      const size = below ? measure(below) : NOTHING;
      values += size.values;
      characters += size.characters;
    };
    if (isSeq(node)) node.items.forEach(add);
    if (isMap(node)) {
      checkKeys(node);
      for (const pair of node.items) {
        add(pair.key);
        add(pair.value);
        if (isMergePair(pair)) checkMerge(pair);
      }
    }
    const size = { values, characters };
    sizes.set(node, size);
    return size;
  }

  function measureAlias(alias: Alias): Size {
    const target = anchors.get(alias.source);
    if (!target) {
      breakAt(
        alias,
        `there is no anchor "&${alias.source}" before this alias`,
        `quote the text if no alias is meant: "*${alias.source}"`,
      );
      return NOTHING;
    }
    targets.set(alias, target);
    const size = sizes.get(target);
    if (size !== undefined) return size;
    breakAt(alias, `the alias "*${alias.source}" is inside the value that it stands for`);
    return NOTHING;
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

  function blownUp(to: string, hint: string): void {
    breakAt(root, `aliases blow this text up to more than ${to}`, hint);
  }

  function breakAt(node: Node | undefined, message: string, hint?: string): void {
    broken = true;
    report(node, message, hint);
  }

  function report(node: Node | undefined, message: string, hint?: string): void {
    findings.push({ ...positions.placeOf(node), message, ...(hint ? { hint } : {}) });
  }
}
