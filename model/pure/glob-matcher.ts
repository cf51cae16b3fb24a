import { expandBraces } from './expand-braces.ts';

/** What stands together: a character after a backslash, those in brackets, or one character. */
const ATOMS = /\\[^]|\[[!^]?(?:\\[^]|[^\\/])(?:\\[^]|[^\]\\/])*\]|[^]/g;

/** What other tools have, and what would be taken for something else here. */
const FOREIGN = /\[\[:[a-z]+:|(?<!\\)\{[^{},/]+\.\.[^{},/]+\}|(?<!\\)\([^()]*\|[^()]*\)/;

/** Alone `**.js` stands for such files in every directory. */
const ENDING = /^\*\*(\.\w+)+$/;

/** Any number of whatever there is. */
const STAR = Symbol('star');

/** One character of a name: itself, or what it must be. */
type CharacterPart = string | ((character: string) => boolean);

/** A name, in the ways in which it may be meant. */
type NamePart = readonly (readonly (CharacterPart | typeof STAR)[])[];

/**
 * Whether a text matches the glob. `*` stands for anything within a name, `?` for one character of it, `[a-z]` for one of these and
 * `[!a-z]` and `[^a-z]` for any other, `**` between slashes for any number of names, `{a,b}` for either. What follows a backslash is itself, as is
 * everything else; so may be what stands in brackets, since frameworks have such names: `pages/[id].ts`. `a/**` matches `a` too; where
 * a star stands before it, as in `a*` followed by it, there must be a name below. Names may begin with a dot. The time grows with the
 * text's length times that of the glob with its braces written out, which is bounded.
 * @throws {RangeError} with what is wrong with the glob.
 */
export function createGlobMatcher(glob: string): (text: string) => boolean {
  const [foreign] = FOREIGN.exec(glob) ?? [];
  if (foreign !== undefined) throw new RangeError(`has "${foreign}", which means nothing here: write it out`);
  const paths = expandBraces(glob.match(ATOMS) ?? []).map(readPath);
  return (text) => {
    if (text === glob) return true;
    const names = text.split('/');
    return paths.some((path) => matchesAll(path, names, matchesName));
  };
}

function readPath(atoms: readonly string[]): readonly (NamePart | typeof STAR)[] {
  const names: string[][] = [[]];
  for (const atom of atoms) {
    if (atom === '/' || atom === '\\/') names.push([]);
    else names.at(-1)?.push(atom);
  }
  while (names.length > 1 && isName(names[0], '.')) names.shift();
  if (names.length === 1 && ENDING.test(atoms.join(''))) names.unshift(['*', '*']);
  const parts = names.filter((name, at) => !isName(name, '**') || !isName(names[at - 1], '**'));
  const [last, before] = [parts.at(-1), parts.at(-2)];
  if (isName(last, '**') && before?.at(-1) === '*') parts.push(['*']);
  return parts.map((name) => (isName(name, '**') ? STAR : readName(name)));
}

function isName(atoms: readonly string[] | undefined, name: string): boolean {
  return atoms?.join('') === name;
}

function readName(atoms: readonly string[]): NamePart {
  const asMeant = atoms.map(readAtom);
  if (!atoms.some(isClass)) return [asMeant];
  return [asMeant, atoms.flatMap((atom) => (isClass(atom) ? atom.split('') : [readAtom(atom)]))];
}

function readAtom(atom: string): CharacterPart | typeof STAR {
  if (atom === '*') return STAR;
  if (atom === '?') return () => true;
  return isClass(atom) ? readClass(atom) : withoutBackslash(atom);
}

function isClass(atom: string): boolean {
  return atom.length > 1 && atom.startsWith('[');
}

function readClass(atom: string): (character: string) => boolean {
  const inside = atom.slice(1, -1);
  const isNegated = inside.length > 1 && /^[!^]/.test(inside);
  const members = (isNegated ? inside.slice(1) : inside).match(/\\[^]|[^]/g) ?? [];
  const ranges: (readonly [first: string, last: string])[] = [];
  for (let at = 0; at < members.length; at++) {
    const [first = '', dash, last] = members.slice(at, at + 3);
    const isRange = dash === '-' && last !== undefined;
    ranges.push([withoutBackslash(first), withoutBackslash(isRange ? last : first)]);
    if (isRange) at += 2;
  }
  return (character) => ranges.some(([first, last]) => first <= character && character <= last) !== isNegated;
}

function withoutBackslash(atom: string): string {
  return atom.length > 1 ? atom.slice(1) : atom;
}

function matchesName(part: NamePart, name: string): boolean {
  return part.some((way) => matchesAll(way, name, matchesCharacter));
}

function matchesCharacter(part: CharacterPart, character: string): boolean {
  return typeof part === 'string' ? part === character : part(character);
}

/** Whether parts stand for items, all of them. Only the last star is tried with more: what is before it has been found as early as can be. */
function matchesAll<Part, Item>(
  parts: readonly (Part | typeof STAR)[],
  items: ArrayLike<Item>,
  matches: (part: Part, item: Item) => boolean,
): boolean {
  let at = 0;
  let item = 0;
  let afterStar: number | undefined;
  let fromItem = 0;
  while (item < items.length) {
    const part = parts[at];
    if (part === STAR) {
      if (at === parts.length - 1) return true;
      afterStar = ++at;
      fromItem = item;
    } else if (part !== undefined && matches(part, items[item] as Item)) {
      at++;
      item++;
    } else if (afterStar !== undefined) {
      at = afterStar;
      item = ++fromItem;
    } else return false;
  }
  return parts.slice(at).every((part) => part === STAR);
}
