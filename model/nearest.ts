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
    // Two letters changed over are a distance of 2.
    const reach = word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3));
    let best: string | undefined;
    let bestDistance = reach + 1;
    for (const name of known) {
      if (Math.abs(name.length - word.length) >= bestDistance) continue;
      const found = distance(word.toLowerCase(), name.toLowerCase());
      if (found < bestDistance) [best, bestDistance] = [name, found];
    }
    return best;
  }
}
