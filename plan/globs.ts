import picomatch from 'picomatch';
import { refPatternMistake } from '../model/pure/ref-patterns.ts';

const MAX_LENGTH = 500;
/** Patterns come from anybody who may push, and a regular expression with many wildcards can take for ever. */
const MAX_WILDCARDS = 8;

/** What is wrong with a glob, which may stand after `!`, or undefined when it can be used. */
export function globMistake(pattern: string, of: 'paths' | 'refs' = 'paths'): string | undefined {
  if (pattern === '') return 'is empty';
  const { glob } = readGlob(pattern);
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

/** A glob without the `!` before it. */
export function readGlob(pattern: string): { readonly glob: string; readonly isNegated: boolean } {
  const isNegated = pattern.startsWith('!');
  return { glob: isNegated ? pattern.slice(1) : pattern, isNegated };
}

/** Whether a text matches the glob: `*` stops at `/`, `**` does not, names may begin with a dot, no extended globs. */
export function createMatcher(glob: string): (text: string) => boolean {
  const matches = picomatch(glob, { dot: true, noext: true, nonegate: true });
  // Its second parameter changes the answer, and `some` and `filter` pass one.
  return (text) => matches(text);
}

/**
 * Whether a text is among globs: at least one matches it, and none after `!` does; where all are after `!`, that none does is
 * enough.
 */
export function createListMatcher(patterns: readonly string[]): (text: string) => boolean {
  const globs = patterns.map(readGlob);
  const wanted = globs.filter(({ isNegated }) => !isNegated).map(({ glob }) => createMatcher(glob));
  const unwanted = globs.filter(({ isNegated }) => isNegated).map(({ glob }) => createMatcher(glob));
  return (text) => {
    if (unwanted.some((matches) => matches(text))) return false;
    return wanted.length === 0 ? unwanted.length > 0 : wanted.some((matches) => matches(text));
  };
}
