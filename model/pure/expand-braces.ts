/** Characters of all alternatives together. A pattern with lists of ten, five and five names in it has somewhat more than half as many. */
const MOST_CHARACTERS = 10_000;

type Alternatives = readonly (readonly string[])[];

/**
 * Every alternative of a pattern in which `{a,b}` stands for either, written out; they may stand in one another. Braces without a comma
 * in them, and those that are not closed, are what they are. Atoms are what of the pattern stands together.
 * @throws {RangeError} when there are too many.
 */
export function expandBraces(atoms: readonly string[]): Alternatives {
  const groups = findGroups(atoms);
  return expand(0, atoms.length);

  function expand(from: number, to: number): Alternatives {
    let alternatives: Alternatives = [[]];
    let rest = from;
    for (let at = from; at < to; at++) {
      const edges = groups.get(at);
      if (!edges) continue;
      alternatives = join(join(alternatives, [atoms.slice(rest, at)]), expandGroup(edges));
      at = edges.at(-1) ?? at;
      rest = at + 1;
    }
    return join(alternatives, [atoms.slice(rest, to)]);
  }

  function expandGroup(edges: readonly number[]): Alternatives {
    return edges.slice(1).flatMap((end, index) => expand((edges[index] ?? end) + 1, end));
  }
}

/** Of each group that has a choice, by the place of its opening brace: where this, its commas and its closing brace are. */
function findGroups(atoms: readonly string[]): ReadonlyMap<number, readonly number[]> {
  const groups = new Map<number, readonly number[]>();
  const open: number[][] = [];
  for (const [at, atom] of atoms.entries()) {
    if (atom === '{') open.push([at]);
    if (atom === ',') open.at(-1)?.push(at);
    if (atom !== '}') continue;
    const [start, ...commas] = open.pop() ?? [];
    if (start !== undefined && commas.length > 0) groups.set(start, [start, ...commas, at]);
  }
  return groups;
}

function join(heads: Alternatives, tails: Alternatives): Alternatives {
  const characters = sizeOf(heads) * tails.length + sizeOf(tails) * heads.length;
  if (characters + heads.length * tails.length > MOST_CHARACTERS)
    throw new RangeError(
      `has more than ${MOST_CHARACTERS} characters when its braces are written out: make it several`,
    );
  return heads.flatMap((head) => tails.map((tail) => [...head, ...tail]));
}

function sizeOf(alternatives: Alternatives): number {
  return alternatives.reduce((sum, { length }) => sum + length, 0);
}
