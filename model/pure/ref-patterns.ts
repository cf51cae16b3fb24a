/** Alternatives that the braces of one pattern may come to. */
const MAX_ALTERNATIVES = 64;

/** What matches one character; a star matches any number of them. */
type Token = '*' | ((character: string) => boolean);

/**
 * Whether a ref is among patterns: at least one matches it, and none after `!` does; where all are after `!`, that none does is
 * enough. `*` stands for anything, slashes too, `?` for one character, `{a,b}` for either, `[0-9]` for one of these. A pattern that begins
 * with `refs/` spells a ref out, every other names branches. @throws {RangeError} when {@link refPatternMistake} has something to say.
 */
export function createRefMatcher(patterns: readonly string[]): (ref: string) => boolean {
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!')).map(createMatcher);
  const unwanted = patterns
    .filter((pattern) => pattern.startsWith('!'))
    .map((text) => createMatcher(text.slice(1)));
  return (ref) => {
    if (unwanted.some((matches) => matches(ref))) return false;
    return wanted.length === 0 ? unwanted.length > 0 : wanted.some((matches) => matches(ref));
  };
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

/** A branch by its short name, another ref in full. */
export function shortRef(ref: string): string {
  return ref.replace(/^refs\/heads\//, '');
}

function createMatcher(pattern: string): (ref: string) => boolean {
  const alternatives = expandBraces(pattern).map((text) => ({
    isFull: text.startsWith('refs/'),
    tokens: tokensOf(text),
  }));
  return (ref) =>
    alternatives.some(({ isFull, tokens }) => matchTokens(tokens, isFull ? fullRef(ref) : shortRef(ref)));
}

function fullRef(ref: string): string {
  return ref.startsWith('refs/') ? ref : `refs/heads/${ref}`;
}

/** Innermost braces first. Braces without a comma, or without their other half, are letters. */
function expandBraces(pattern: string): string[] {
  let texts = [pattern];
  for (;;) {
    const expanded = texts.flatMap((text) => {
      const [whole, inside = ''] = /\{([^{}]*,[^{}]*)\}/.exec(text) ?? [];
      return whole === undefined ? [text] : inside.split(',').map((one) => text.replace(whole, () => one));
    });
    if (expanded.length > MAX_ALTERNATIVES)
      throw new RangeError(`has more than ${MAX_ALTERNATIVES} alternatives`);
    // An expansion takes braces away, so what stays has none.
    if (expanded.every((text, at) => text === texts[at])) return texts;
    texts = expanded;
  }
}

function tokensOf(pattern: string): Token[] {
  const parts = pattern.match(/\*+|\[!?[^\]]+\]|[^]/gu) ?? [];
  return parts.map((part) => {
    if (part.startsWith('*')) return '*';
    if (part === '?') return () => true;
    if (part.length > 2 && part.startsWith('[')) return oneOf(part);
    return (character) => character === part;
  });
}

function oneOf(part: string): Token {
  const isWithout = part.startsWith('[!');
  const ranges = part.slice(isWithout ? 2 : 1, -1).match(/[^]-[^]|[^]/g) ?? [];
  return (character) =>
    isWithout !==
    ranges.some((range) => character >= range.charAt(0) && character <= range.charAt(range.length - 1));
}

/** Follows every way at once: a pattern of many stars, which anybody may push, takes no longer than its length times the ref's. */
function matchTokens(tokens: readonly Token[], text: string): boolean {
  let places = withStars(tokens, [0]);
  for (const character of text) {
    const next = [...places].flatMap((place) => {
      const token = tokens[place];
      if (token === undefined) return [];
      if (token === '*') return [place];
      return token(character) ? [place + 1] : [];
    });
    places = withStars(tokens, next);
  }
  return places.has(tokens.length);
}

/** A star may stand for nothing. */
function withStars(tokens: readonly Token[], places: readonly number[]): ReadonlySet<number> {
  const all = new Set(places);
  for (const place of all) if (tokens[place] === '*') all.add(place + 1);
  return all;
}
