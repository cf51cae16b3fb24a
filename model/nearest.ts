import { distance } from 'fastest-levenshtein';

/** Comparisons that one parse may spend: a text with thousands of unknown names gets no hint on the last of them. */
const BUDGET = 400_000;
const LONGEST = 200;
const MOST_LISTED = 12;

/** Gives hints for unknown names out of the known ones. */
export class Nearest {
  #budget = BUDGET;

  /** `did you mean "x"?`, else the known names if they are few, else undefined. */
  hint(word: string, known: ReadonlySet<string>): string | undefined {
    const nearest = this.find(word, known);
    if (nearest !== undefined) return `did you mean "${nearest}"?`;
    if (known.size === 0 || known.size > MOST_LISTED) return undefined;
    return `known: ${[...known].join(', ')}`;
  }

  /** The known name that a slip of the finger could have turned into this word. */
  find(word: string, known: ReadonlySet<string>): string | undefined {
    if (word.length > LONGEST || known.size > this.#budget) return undefined;
    this.#budget -= known.size;
    const reach = word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3));
    let best: string | undefined;
    let bestDistance = reach + 1;
    for (const name of known) {
      if (name === word || Math.abs(name.length - word.length) >= bestDistance) continue;
      const found = slips(word.toLowerCase(), name.toLowerCase());
      if (found < bestDistance) [best, bestDistance] = [name, found];
    }
    return best;
  }
}

/** The distance of two words, for which two neighbours changed over are one slip, not two. */
export function slips(word: string, name: string): number {
  const found = distance(word, name);
  return found === 2 && isChangedOver(word, name) ? 1 : found;
}

function isChangedOver(word: string, name: string): boolean {
  if (word.length !== name.length) return false;
  let at = 0;
  while (word[at] === name[at]) at += 1;
  return word[at] === name[at + 1] && word[at + 1] === name[at] && word.slice(at + 2) === name.slice(at + 2);
}
