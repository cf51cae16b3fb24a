/** A part of a word: text as it stands, or a variable. */
export type WordPart = string | WrittenVariable;

export interface WrittenVariable {
  readonly name: string;
  /** What stands after the name in braces: `:-`, `-`, `:+`, `+`, `:?`, `?`, `#`, `%`, `/` or `//`; else nothing. */
  readonly operator: string;
  readonly word: readonly WordPart[];
  /** What `/` puts in the place of the word. */
  readonly replacement: readonly WordPart[];
}

const PLAIN = /[^$'"\\`}/]*/y;
const PLAIN_IN_QUOTES = /[^$"\\`]*/y;
const NAME = /\d+|[@*#?$!-]|[\p{L}_][\p{L}\p{Nd}_]*/uy;
const OPERATOR = /:[-+?]|[-+?#%}]|\/\/?/y;
/** How many braces may stand in each other: nobody needs more. */
const MAX_DEPTH = 100;

/** Reads a word by the rules of BuildKit's shell; undefined where it refuses it. */
export function parseShellWord(written: string, escape: string): readonly WordPart[] | undefined {
  const parts: WordPart[] = [];
  const reader = new Reader(written, escape);
  return reader.read(parts, { stop: '', keepsEscapes: false, depth: 0 }) ? parts : undefined;
}

interface Place {
  /** The character that ends what is read; none where the whole text is. */
  readonly stop: string;
  /** In a pattern an escape means something too. */
  readonly keepsEscapes: boolean;
  readonly depth: number;
}

class Reader {
  readonly #text: string;
  readonly #escape: string;
  #at = 0;

  constructor(text: string, escape: string) {
    this.#text = text;
    this.#escape = escape;
  }

  /** Adds what stands before `stop`, and passes over that; false where this is no word. */
  read(parts: WordPart[], place: Place): boolean {
    for (;;) {
      parts.push(this.#match(PLAIN));
      const character = this.#next();
      if (character === place.stop) return true;
      if (character === '') return false;
      if (character === this.#escape) parts.push((place.keepsEscapes ? character : '') + this.#next());
      else if (!this.#readSpecial(character, parts, place)) return false;
    }
  }

  #readSpecial(character: string, parts: WordPart[], place: Place): boolean {
    if (character === "'") return this.#readSingleQuoted(parts);
    if (character === '"') return this.#readDoubleQuoted(parts, place);
    if (character === '$') return this.#readVariable(parts, place);
    parts.push(character);
    return true;
  }

  #readSingleQuoted(parts: WordPart[]): boolean {
    const end = this.#text.indexOf("'", this.#at);
    if (end === -1) return false;
    parts.push(this.#text.slice(this.#at, end));
    this.#at = end + 1;
    return true;
  }

  #readDoubleQuoted(parts: WordPart[], place: Place): boolean {
    for (;;) {
      parts.push(this.#match(PLAIN_IN_QUOTES));
      const character = this.#next();
      if (character === '"') return true;
      if (character === '') return false;
      if (character === '$') {
        if (!this.#readVariable(parts, place)) return false;
        continue;
      }
      if (character === this.#escape && place.keepsEscapes) parts.push(character);
      const isEscaping = character === this.#escape && ['"', '$', this.#escape].includes(this.#peek());
      parts.push(isEscaping ? this.#next() : character);
    }
  }

  #readVariable(parts: WordPart[], { depth }: Place): boolean {
    if (this.#peek() !== '{') {
      const name = this.#match(NAME);
      parts.push(name === '' ? '$' : { name, operator: '', word: [], replacement: [] });
      return true;
    }
    this.#at += 1;
    const name = this.#match(NAME);
    const operator = this.#match(OPERATOR);
    if (name === '' || operator === '' || depth === MAX_DEPTH) return false;
    const [word, replacement]: [WordPart[], WordPart[]] = [[], []];
    parts.push({ name, operator: operator === '}' ? '' : operator, word, replacement });
    if (operator === '}') return true;
    const inside = { stop: '}', keepsEscapes: /[#%/]/.test(operator), depth: depth + 1 };
    if (!operator.startsWith('/')) return this.read(word, inside);
    return this.read(word, { ...inside, stop: '/' }) && this.read(replacement, inside);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ''] = pattern.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }

  /** The character that is passed over; empty at the end. */
  #next(): string {
    const character = this.#peek();
    this.#at += character.length;
    return character;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }
}
