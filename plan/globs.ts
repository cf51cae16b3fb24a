import { createGlobMatcher } from '../model/pure/glob-matcher.ts';
import { readPattern } from '../model/pure/pattern-lists.ts';
import { refPatternMistake } from '../model/pure/ref-patterns.ts';

const MAX_LENGTH = 500;
/** More of `*` is hardly meant; `**` does not count. */
const MAX_WILDCARDS = 8;

/** What is wrong with a glob, which may stand after `!`, or undefined when it can be used. */
export function globMistake(pattern: string, of: 'paths' | 'refs' = 'paths'): string | undefined {
  if (pattern === '') return 'is empty';
  const { pattern: glob } = readPattern(pattern);
  if (glob === '') return 'has nothing after "!"';
  if (pattern.length > MAX_LENGTH) return `has more than ${MAX_LENGTH} characters`;
  const wildcards = pattern.match(/\*+/g) ?? [];
  if (wildcards.filter((stars) => stars !== '**').length > MAX_WILDCARDS)
    return `has more than ${MAX_WILDCARDS} wildcards`;
  if (of === 'refs') return refPatternMistake(glob);
  try {
    createGlobMatcher(glob);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export { createGlobMatcher as createMatcher };
