export interface OrderedGraph {
  /** Every node, each after all that it points to; where that leaves a choice, in the order given. */
  readonly order: readonly string[];
  /** Closed ways, each beginning with the node that comes first in the order given; the first node is not repeated. */
  readonly cycles: readonly (readonly string[])[];
}

/**
 * Orders nodes by what they point to. With cycles the order is no more than a list of all nodes. One cycle is given
 * for nodes that share several. Takes no recursion: chains may be as long as there are nodes.
 */
export function orderGraph(
  nodes: Iterable<string>,
  targetsOf: (node: string) => readonly string[],
): OrderedGraph {
  const rank = new Map([...nodes].map((node, index) => [node, index]));
  const done = new Set<string>();
  const depthOf = new Map<string, number>();
  const inCycle = new Set<string>();
  const cycles: string[][] = [];
  for (const root of rank.keys()) if (!done.has(root)) visit(root);
  return { order: [...done], cycles };

  function visit(root: string): void {
    const way = [{ node: root, targets: targetsOf(root).values() }];
    depthOf.set(root, 0);
    for (let here = way.at(-1); here; here = way.at(-1)) {
      const { value: target, done: exhausted } = here.targets.next();
      if (exhausted) {
        way.pop();
        depthOf.delete(here.node);
        done.add(here.node);
        continue;
      }
      if (done.has(target) || !rank.has(target)) continue;
      const depth = depthOf.get(target);
      if (depth === undefined) {
        depthOf.set(target, way.length);
        way.push({ node: target, targets: targetsOf(target).values() });
      } else if (!inCycle.has(target) || !inCycle.has(here.node)) {
        keepCycle(way.slice(depth).map((step) => step.node));
      }
    }
  }

  function keepCycle(cycle: readonly string[]): void {
    for (const node of cycle) inCycle.add(node);
    const first = cycle.reduce((best, node) => ((rank.get(node) ?? 0) < (rank.get(best) ?? 0) ? node : best));
    const at = cycle.indexOf(first);
    cycles.push([...cycle.slice(at), ...cycle.slice(0, at)]);
  }
}

const MOST_SHOWN = 12;

/** A closed way for people: `a → b → a`; the middle of a long one is counted only. */
export function cycleText(cycle: readonly string[]): string {
  const shown =
    cycle.length <= MOST_SHOWN
      ? cycle
      : [...cycle.slice(0, MOST_SHOWN - 1), `(${cycle.length - MOST_SHOWN} more)`, ...cycle.slice(-1)];
  return [...shown, ...cycle.slice(0, 1)].join(' → ');
}
