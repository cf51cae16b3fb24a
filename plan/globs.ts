import picomatch from 'picomatch';
import { createListMatcher, readPattern } from '../model/pure/pattern-lists.ts';
import { refPatternMistake } from '../model/pure/ref-patterns.ts';

const MAX_LENGTH = 500;
/** Patterns come from anybody who may push, and a regular expression with many wildcards can take for ever. */
const MAX_WILDCARDS = 8;

/** What is wrong with a glob, which may stand after `!`, or undefined when it can be used. */
export function globMistake(pattern: string, of: 'paths' | 'refs' = 'paths'): string | undefined {
  if (pattern === '') return 'is empty';
  const { pattern: glob } = readPattern(pattern);
  if (glob === '') return 'has nothing after "!"';
  if (pattern.length > MAX_LENGTH) return `has more than ${MAX_LENGTH} characters`;
  if ((pattern.match(/\*+/g) ?? []).length > MAX_WILDCARDS) return `has more than ${MAX_WILDCARDS} wildcards`;
  if (of === 'refs') return refPatternMistake(glob);
  try {
    createMatcher(glob);
    return undefined;
  } catch (error) {
    return `is no glob: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Whether a text matches the glob: `*` stops at `/`, `**` does not, names may begin with a dot, no extended globs. */
export function createMatcher(glob: string): (text: string) => boolean {
  const matches = picomatch(glob, { dot: true, noext: true, nonegate: true });
  // Its second parameter changes the answer, and `some` and `filter` pass one.
  return (text) => matches(text);
}

/** Whether a text is among globs, of which those after `!` take out. */
export function createGlobsMatcher(patterns: readonly string[]): (text: string) => boolean {
  return createListMatcher(patterns, createMatcher);
}
