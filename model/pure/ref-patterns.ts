import { createGlobMatcher } from './glob-matcher.ts';
import { createListMatcher } from './pattern-lists.ts';

/**
 * Whether a ref is among patterns: at least one matches it, and none after `!` does; where all are after `!`, that none does is
 * enough. `*` stands for anything, slashes too, `?` for one character, `{a,b}` for either, `[0-9]` for one of these. A pattern that begins
 * with `refs/` spells a ref out, every other names branches. @throws {RangeError} when {@link refPatternMistake} has something to say.
 */
export function createRefMatcher(patterns: readonly string[]): (ref: string) => boolean {
  return createListMatcher(patterns, createMatcher);
}

/** What is wrong with a pattern of refs, without the `!` before it, or undefined when it can be used. */
export function refPatternMistake(pattern: string): string | undefined {
  if (pattern === '') return 'is empty';
  try {
    createMatcher(pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whether a pattern names one ref and no other. */
export function isOneRef(pattern: string): boolean {
  return !/[*?[{!]/.test(pattern);
}

/** A ref in full: what does not begin with `refs/` is a branch. */
export function fullRef(ref: string): string {
  return ref.startsWith('refs/') ? ref : `refs/heads/${ref}`;
}

/** A branch by its short name, another ref in full. */
export function shortRef(ref: string): string {
  return ref.replace(/^refs\/heads\//, '');
}

function createMatcher(pattern: string): (ref: string) => boolean {
  const isFull = pattern.startsWith('refs/');
  const matches = createGlobMatcher(withoutSlashes(pattern));
  return (ref) => matches(withoutSlashes(isFull ? fullRef(ref) : shortRef(ref)));
}

/** So that a star stands for all of a name. No ref has blanks. */
function withoutSlashes(text: string): string {
  return text.replaceAll('/', ' ');
}
