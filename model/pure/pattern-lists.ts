/** What stands in a list of patterns: one after `!` takes out what it matches. */
export function readPattern(text: string): { readonly pattern: string; readonly isNegated: boolean } {
  const isNegated = text.startsWith('!');
  return { pattern: isNegated ? text.slice(1) : text, isNegated };
}

/**
 * Whether a text is among patterns: at least one matches it, and none after `!` does; where all are after `!`, that none does is
 * enough.
 */
export function createListMatcher(
  patterns: readonly string[],
  createMatcher: (pattern: string) => (text: string) => boolean,
): (text: string) => boolean {
  const matchers = patterns.map(readPattern).map(({ pattern, isNegated }) => ({
    isNegated,
    matches: createMatcher(pattern),
  }));
  const wanted = matchers.filter(({ isNegated }) => !isNegated);
  const unwanted = matchers.filter(({ isNegated }) => isNegated);
  return (text) => {
    if (unwanted.some(({ matches }) => matches(text))) return false;
    return wanted.length === 0 ? unwanted.length > 0 : wanted.some(({ matches }) => matches(text));
  };
}
