import { replaceMatches, withoutPrefix, withoutSuffix } from './shell-pattern.ts';
import { parseShellWord } from './shell-word.ts';
import type { WordPart, WrittenVariable } from './shell-word.ts';

/** As long as a Dockerfile may be: what its variables stand for is anybody's text too. */
export const MAX_EXPANDED_CHARACTERS = 1024 * 1024;

export interface Expanded {
  readonly text: string;
  /** The first variable without a value. */
  readonly unset?: string;
  /** The text is empty because it would be too long, alone or with all that was expanded before. */
  readonly isTooLong?: true;
}

/**
 * Variables of a Dockerfile before its first stage. All that is expanded counts, since a few lines that double make a gigabyte;
 * once there is too much, everything is.
 */
export class Variables {
  /** What stands before a character that is meant as it is. */
  readonly escape: string;
  readonly #values: Map<string, string>;
  #room = MAX_EXPANDED_CHARACTERS;

  constructor(values: Readonly<Record<string, string>>, escape: string) {
    this.#values = new Map(Object.entries(values));
    this.escape = escape;
  }

  set(name: string, value: string): void {
    this.#values.set(name, value);
  }

  /**
   * Takes quotes away and replaces `$NAME`, `${NAME}` and all that BuildKit knows in braces, in each other too. What it refuses
   * stays as it is.
   */
  expand(written: string): Expanded {
    const unset: string[] = [];
    const text = this.#join(parseShellWord(written, this.escape) ?? [written], unset);
    if (this.#room < 0) return { text: '', isTooLong: true };
    return { text, ...(unset[0] === undefined ? {} : { unset: unset[0] }) };
  }

  /** Adds the variables without a value to `unset`; they stand for nothing. */
  #join(parts: readonly WordPart[], unset: string[] = []): string {
    let text = '';
    for (const part of parts) {
      const found = typeof part === 'string' ? part : this.#read(part);
      if (found === undefined && typeof part !== 'string') unset.push(part.name);
      if (!this.#take(found?.length ?? 0)) return '';
      text += found ?? '';
    }
    return text;
  }

  #read({ name, operator, word, replacement }: WrittenVariable): string | undefined {
    const value = this.#values.get(name);
    const counts = value !== undefined && !(operator.startsWith(':') && value === '');
    if (operator.endsWith('+')) return counts ? this.#join(word) : '';
    if (!counts) return operator.endsWith('-') ? this.#join(word) : undefined;
    if (!/[#%/]/.test(operator)) return value;
    return this.#change(value, operator, { pattern: this.#join(word), by: this.#join(replacement) });
  }

  #change(
    value: string,
    operator: string,
    { pattern, by }: { readonly pattern: string; readonly by: string },
  ): string {
    // As many characters are compared and written at most.
    if (!this.#take((value.length + 1) * (pattern.length + by.length + 1))) return '';
    if (operator.startsWith('/')) return replaceMatches(value, pattern, { by, isAll: operator === '//' });
    const isLongest = pattern.startsWith(operator);
    const without = operator === '#' ? withoutPrefix : withoutSuffix;
    return without(value, isLongest ? pattern.slice(1) : pattern, isLongest);
  }

  #take(characters: number): boolean {
    this.#room -= characters;
    return this.#room >= 0;
  }
}
