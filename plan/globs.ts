import picomatch from 'picomatch';

const MAX_LENGTH = 500;
/** Patterns come from anybody who may push, and a regular expression with many wildcards can take for ever. */
const MAX_WILDCARDS = 8;

/** What is wrong with a glob, or undefined when it can be used. */
export function globMistake(pattern: string): string | undefined {
  if (pattern === '') return 'is empty';
  if (pattern.length > MAX_LENGTH) return `has more than ${MAX_LENGTH} characters`;
  if ((pattern.match(/\*+/g) ?? []).length > MAX_WILDCARDS) return `has more than ${MAX_WILDCARDS} wildcards`;
  try {
    createMatcher(pattern);
    return undefined;
  } catch (error) {
    return `is no glob: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Whether a text matches the glob: `*` stops at `/`, `**` does not, names may begin with a dot, no extended globs. */
export function createMatcher(pattern: string): (text: string) => boolean {
  const matches = picomatch(pattern, { dot: true, noext: true });
  // Its second parameter changes the answer, and `some` and `filter` pass one.
  return (text) => matches(text);
}
