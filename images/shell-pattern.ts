/** What stands between two stars: characters, and ANY for each `?`. */
type Section = readonly string[];

const ANY = '';
const TOKEN = /\\[^]|[^]/gu;

/** Takes away what the pattern matches at the beginning, as BuildKit does for `${name#pattern}`. */
export function withoutPrefix(value: string, pattern: string, isLongest: boolean): string {
  const characters = [...value];
  return withoutMatch(characters, sectionsOf(pattern), isLongest).join('');
}

/** Takes away what the pattern matches at the end, as BuildKit does for `${name%pattern}`. */
export function withoutSuffix(value: string, pattern: string, isLongest: boolean): string {
  const reversed = sectionsOf(pattern)
    .map((section) => [...section].reverse())
    .reverse();
  const characters = [...value].reverse();
  return withoutMatch(characters, reversed, isLongest).reverse().join('');
}

/** Replaces the first match or all of them, each as long as it can be, as BuildKit does for `${name/pattern/other}`. */
export function replaceMatches(
  value: string,
  pattern: string,
  { by, isAll }: { readonly by: string; readonly isAll: boolean },
): string {
  const sections = sectionsOf(pattern);
  const characters = [...value];
  const pieces: string[] = [];
  let copied = 0;
  let from = 0;
  let lastEnd = -1;
  while (from <= characters.length) {
    const found = find(sections, characters, { from, isLongest: true });
    if (!found) break;
    const { start, end } = found;
    // Where one match ended, an empty one is none.
    if (end > start || start !== lastEnd) {
      pieces.push(characters.slice(copied, start).join(''), by);
      copied = lastEnd = end;
      if (!isAll) break;
    }
    from = Math.max(end, from + 1);
  }
  return pieces.join('') + characters.slice(copied).join('');
}

/** A backslash stands before what is meant as it is. */
function sectionsOf(pattern: string): readonly Section[] {
  const sections: string[][] = [[]];
  for (const [token] of pattern.matchAll(TOKEN)) {
    if (token === '*') sections.push([]);
    else sections.at(-1)?.push(token === '?' ? ANY : token.replace(/^\\(?=[^])/, ''));
  }
  return sections;
}

function withoutMatch(
  characters: readonly string[],
  sections: readonly Section[],
  isLongest: boolean,
): string[] {
  const isThere = isAt(sections[0] ?? [], characters, 0);
  const found = isThere ? find(sections, characters, { from: 0, isLongest }) : undefined;
  return characters.slice(found?.end ?? 0);
}

/**
 * The first match. If what follows the first place of the first section does not match, nothing behind a later one does: so no
 * place is tried twice for one section, however many stars there are.
 */
function find(
  [first = [], ...others]: readonly Section[],
  characters: readonly string[],
  { from, isLongest }: { readonly from: number; readonly isLongest: boolean },
): { readonly start: number; readonly end: number } | undefined {
  const start = firstPlace(first, characters, from);
  if (start === undefined) return undefined;
  let end = start + first.length;
  for (const [index, section] of others.entries()) {
    const look = isLongest && index === others.length - 1 ? lastPlace : firstPlace;
    const place = look(section, characters, end);
    if (place === undefined) return undefined;
    end = place + section.length;
  }
  return { start, end };
}

function firstPlace(section: Section, characters: readonly string[], from: number): number | undefined {
  for (let at = from; at + section.length <= characters.length; at += 1)
    if (isAt(section, characters, at)) return at;
  return undefined;
}

function lastPlace(section: Section, characters: readonly string[], from: number): number | undefined {
  for (let at = characters.length - section.length; at >= from; at -= 1)
    if (isAt(section, characters, at)) return at;
  return undefined;
}

function isAt(section: Section, characters: readonly string[], at: number): boolean {
  return (
    at + section.length <= characters.length &&
    section.every((character, offset) => character === ANY || character === characters[at + offset])
  );
}
