import { setImmediate as turn } from 'node:timers/promises';
import { readPattern } from '../model/pure/pattern-lists.ts';
import { createMatcher } from './globs.ts';

/** So often a path is held against a glob before others have a turn: a glob with many braces takes milliseconds. */
const LOOKS_IN_A_ROW = 1_000;

/** What is no letter of its own somewhere in a glob, or may be none. */
const SPECIAL = /[*?[\]{},\\]/;

/** A glob, with what every path begins and ends with that it matches. */
interface Glob {
  readonly text: string;
  /** What is below a directory, `a/`, may be that directory too: `a/**` matches `a`. */
  readonly prefix: string;
  /** Of the last name. */
  readonly suffix: string;
  readonly matches: (path: string) => boolean;
}

/**
 * Paths that have changed, asked for lists of globs whether one of them is among these. No list is looked through twice, nor
 * a glob for its first path; and of a hundred thousand paths it is held against those only that begin and end as it does.
 */
export class ChangedPaths {
  readonly #paths: readonly string[];
  readonly #isKnown: ReadonlySet<string>;
  readonly #createMatcher: typeof createMatcher;
  readonly #answers = new Map<string, boolean>();
  /** Where the first path stands that a glob matches, of those that begin as it does; past the end when there is none. */
  readonly #firsts = new Map<string, number>();
  #looks = 0;

  constructor(paths: Iterable<string>, matcher = createMatcher) {
    this.#isKnown = new Set(paths);
    this.#paths = [...this.#isKnown].sort();
    this.#createMatcher = matcher;
  }

  /** Whether at least one path is among globs, of which those after `!` take out. */
  areAmong(globs: readonly string[]): boolean {
    const answer = this.#answer(globs);
    for (;;) {
      const step = answer.next();
      if (step.done) return step.value;
    }
  }

  /** Finds the answers for lists that will be asked for, and lets others have their turns meanwhile. */
  async lookAhead(lists: Iterable<readonly string[]>): Promise<void> {
    for (const globs of lists) {
      const answer = this.#answer(globs);
      while (!answer.next().done) await turn();
    }
  }

  /** Pauses where others may have a turn. */
  *#answer(globs: readonly string[]): Generator<void, boolean> {
    const key = JSON.stringify(globs);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    yield;
    const found = yield* this.#find(globs);
    this.#answers.set(key, found);
    return found;
  }

  *#find(globs: readonly string[]): Generator<void, boolean> {
    if (globs.length === 0) return false;
    const patterns = globs.map(readPattern);
    const read = (isNegated: boolean): readonly Glob[] =>
      patterns
        .filter((pattern) => pattern.isNegated === isNegated)
        .map(({ pattern }) => readGlob(pattern, this.#createMatcher));
    const unwanted = read(true);
    // Where all are after `!`, that none matches is enough.
    const wanted = unwanted.length === globs.length ? [readGlob('**', this.#createMatcher)] : read(false);
    const isOut = (path: string): boolean => unwanted.some((other) => isMatch(path, other));
    for (const glob of wanted) {
      // These two may stand elsewhere than what begins as the glob does.
      const named = [glob.text, glob.prefix.replace(/\/$/, '')].filter((path) => this.#isKnown.has(path));
      if (named.some((path) => isMatch(path, glob) && !isOut(path))) return true;
      let first = this.#firsts.get(glob.text);
      for (let at = first ?? this.#firstFrom(glob.prefix); at < this.#paths.length; at++) {
        const path = this.#paths[at] ?? '';
        if (!path.startsWith(glob.prefix)) break;
        if (isMatch(path, glob)) {
          first ??= at;
          this.#firsts.set(glob.text, first);
          if (!isOut(path)) return true;
        }
        this.#looks += 1 + unwanted.length;
        if (this.#looks < LOOKS_IN_A_ROW) continue;
        this.#looks = 0;
        yield;
      }
      if (first === undefined) this.#firsts.set(glob.text, this.#paths.length);
    }
    return false;
  }

  /** Where the first path stands that is not before a text in the order of paths. */
  #firstFrom(text: string): number {
    let [from, to] = [0, this.#paths.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#paths[middle] ?? '') < text) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

function isMatch(path: string, { text, prefix, suffix, matches }: Glob): boolean {
  if (path === text) return true;
  return (path.startsWith(prefix) || `${path}/` === prefix) && path.endsWith(suffix) && matches(path);
}

/** Takes of a glob at either end what can be nothing but itself; the less that is, the more paths it is held against. */
function readGlob(text: string, matcher: typeof createMatcher): Glob {
  const glob = text.replace(/^(\.\/)+/, '');
  const start = glob.split(SPECIAL, 1)[0] ?? '';
  // `.{/a,b}` is `./a` too, which is `a`.
  const prefix = start === '.' ? '' : start;
  const suffix = glob.split('/').at(-1)?.split(SPECIAL).at(-1) ?? '';
  const isDirectory = glob === `${prefix}**` && (prefix === '' || prefix.endsWith('/'));
  let made: ((path: string) => boolean) | undefined;
  const matches = (path: string): boolean => isDirectory || (made ??= matcher(text))(path);
  return { text, prefix, suffix, matches };
}
