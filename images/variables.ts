/** As long as a Dockerfile may be: what its variables stand for is anybody's text too. */
export const MAX_EXPANDED_CHARACTERS = 1024 * 1024;

export interface Expanded {
  readonly text: string;
  /** The first variable without a value. */
  readonly unset?: string;
  /** The text is empty because it would be too long, alone or with all that was expanded before. */
  readonly isTooLong?: true;
}

const VARIABLE = /\\(.)|\$(?:\{([A-Za-z_]\w*)(?:(:?[-+?])([^{}]*))?\}|([A-Za-z_]\w*))/g;

/**
 * Variables of a Dockerfile before its first stage. All that is expanded counts, since a few lines that double make a gigabyte;
 * once there is too much, everything is.
 */
export class Variables {
  readonly #values: Map<string, string>;
  #room = MAX_EXPANDED_CHARACTERS;

  constructor(values: Readonly<Record<string, string>>) {
    this.#values = new Map(Object.entries(values));
  }

  set(name: string, value: string): void {
    this.#values.set(name, value);
  }

  /** Replaces `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`. */
  expand(written: string): Expanded {
    const pieces: string[] = [];
    let unset: string | undefined;
    let end = 0;
    const add = (piece: string): boolean => {
      this.#room -= piece.length;
      if (this.#room < 0) return false;
      pieces.push(piece);
      return true;
    };

    for (const match of written.matchAll(VARIABLE)) {
      const [whole, escaped, braced, operator, word = '', plain] = match;
      if (!add(written.slice(end, match.index))) return TOO_LONG;
      end = match.index + whole.length;
      const name = braced ?? plain ?? '';
      const found = escaped ?? this.#read(name, operator, word);
      if (found === undefined) unset ??= name;
      else if (!add(found)) return TOO_LONG;
    }
    if (!add(written.slice(end))) return TOO_LONG;
    return { text: pieces.join(''), ...(unset === undefined ? {} : { unset }) };
  }

  #read(name: string, operator: string | undefined, word: string): string | undefined {
    const value = this.#values.get(name);
    const counts = value !== undefined && !(operator?.startsWith(':') && value === '');
    if (operator?.endsWith('+')) return counts ? this.expand(word).text : '';
    if (counts) return value;
    return operator?.endsWith('-') ? this.expand(word).text : undefined;
  }
}

const TOO_LONG: Expanded = { text: '', isTooLong: true };
