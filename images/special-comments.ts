import type { Finding } from '../model/findings.ts';
import { MAX_EXPANDED_CHARACTERS } from './variables.ts';

/** A place in the Dockerfile as it is in the tree; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Include extends Place {
  /** As written, which decides its name in the context. */
  readonly path: string;
}

export interface ExpandedDockerfile {
  /** What is hashed and built: `# %ARG` lines taken out, their names replaced, lines ended by LF. */
  readonly text: string;
  readonly includes: readonly Include[];
  /** For each line of `text` its number in the Dockerfile, from 1. */
  readonly lines: readonly number[];
  readonly problems: readonly Problem[];
  /** It would be too long: there is no text, and the last problem says so. */
  readonly isRefused?: true;
}

interface Replacement {
  readonly pattern: RegExp;
  /** Between them stands what is replaced. */
  readonly value: readonly string[];
  /** Of all of them together. */
  readonly length: number;
}

export type Problem = Place & Pick<Finding, 'message' | 'hint'>;

const ARG = '# %ARG';
const INCLUDE = '# %include';
const INCLUDE_RUN_TASK = '# %include-run-task';
/** Each line is looked through for each of them. */
const MAX_ARGS = 1000;

/** What Python's `str.strip` takes away. */
const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const STRIPPED = new RegExp(`^${SPACE}*|${SPACE}*$`, 'g');

/** Python takes the name for a regular expression. A dot means something there that people do write; the rest is refused. */
const ARG_NAME = /^[\p{L}\p{N}_.-]+$/u;
const WORD = '[\\p{L}\\p{N}_]';
const WORD_BOUNDARY = `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`;

/**
 * Carries out the special comments of a Dockerfile with the meaning that taskgraph gives them, to the byte: `# %ARG NAME`
 * replaces `$NAME` in later lines, `# %include PATH` names more files for the context. What taskgraph would refuse is a problem.
 */
export function expandSpecialComments(
  dockerfile: string,
  args: Readonly<Record<string, string>>,
): ExpandedDockerfile {
  const replacements: Replacement[] = [];
  const includes: Include[] = [];
  const problems: Problem[] = [];
  const lines: number[] = [];
  let text = '';
  const refused = (line: number, why: Pick<Finding, 'message' | 'hint'>): ExpandedDockerfile => ({
    text: '',
    includes: [],
    lines: [],
    problems: [...problems, { line, column: 1, ...why }],
    isRefused: true,
  });

  for (const [index, written] of linesOf(dockerfile).entries()) {
    const number = index + 1;
    if (written.startsWith(ARG)) {
      const found = readArg(written, args);
      if ('message' in found) problems.push({ line: number, column: argumentColumn(written, ARG), ...found });
      else if (replacements.length === MAX_ARGS) return refused(number, TOO_MANY);
      else replacements.push(found);
      continue;
    }
    const line = substitute(written, replacements, MAX_EXPANDED_CHARACTERS - text.length);
    if (line === undefined) return refused(number, TOO_LONG);
    text += line;
    for (let count = line.split('\n').length - (line.endsWith('\n') ? 1 : 0); count > 0; count -= 1)
      lines.push(number);
    if (!line.startsWith(INCLUDE)) continue;
    const place = { line: number, column: argumentColumn(written, INCLUDE) };
    if (strip(line) === INCLUDE_RUN_TASK) problems.push({ ...place, column: 1, ...NO_RUN_TASK });
    else includes.push({ ...place, path: argumentOf(line, INCLUDE) });
  }
  return { text, includes, lines, problems };
}

const TOO_LONG = {
  message: `arguments expand to more than ${MAX_EXPANDED_CHARACTERS} characters`,
  hint: 'let fewer of their values name each other, or make them shorter',
};

const TOO_MANY = {
  message: `there are more than ${MAX_ARGS} lines "${ARG}"`,
  hint: 'name each argument once',
};

const NO_RUN_TASK = {
  message: `"${INCLUDE_RUN_TASK}" is not supported`,
  hint: 'keep the run-task files in the tree, name them by "# %include" and COPY them',
};

/** Replaces one name after the other; undefined where that gives more characters than there is room for. */
function substitute(written: string, replacements: readonly Replacement[], room: number): string | undefined {
  if (written.length > room) return undefined;
  let line = written;
  for (const { pattern, value, length } of replacements) {
    if (!line.includes('$')) continue;
    let longer = line.length;
    for (const [found] of line.matchAll(pattern)) longer += length + (value.length - 2) * found.length;
    // Before the text is made: a few names that stand for each other many times fill any memory.
    if (longer > room) return undefined;
    line = line.replace(pattern, (found) => value.join(found));
  }
  return line;
}

function readArg(
  line: string,
  args: Readonly<Record<string, string>>,
): Replacement | Pick<Finding, 'message' | 'hint'> {
  const name = argumentOf(line, ARG);
  if (name === '') return { message: `"${ARG}" names no argument`, hint: `write "${ARG} NAME"` };
  if (!Object.hasOwn(args, name)) {
    const hint =
      name === 'DOCKER_IMAGE_PARENT'
        ? 'give the image a "parent" in slipway.yml'
        : `add ${name} to "args" of the image in slipway.yml`;
    return { message: `argument "${name}" has no value`, hint };
  }
  if (!ARG_NAME.test(name))
    return {
      message: `"${name}" cannot be the name of an argument`,
      hint: 'use letters, digits, "_", "." and "-"',
    };
  const template = args[name] ?? '';
  if (template.length > MAX_EXPANDED_CHARACTERS)
    return {
      message: `the value of argument "${name}" has ${template.length} characters`,
      hint: `at most ${MAX_EXPANDED_CHARACTERS} are substituted`,
    };
  const value = expandTemplate(template);
  if (value === undefined)
    return {
      message: `the value of argument "${name}" has a backslash that stands for nothing`,
      hint: 'write "\\\\" for a backslash; "\\n" and "\\t" are newline and tab',
    };
  if (!template.isWellFormed())
    return {
      message: `the value of argument "${name}" has half of a character in it`,
      hint: 'write the character itself, or both of its "\\u" escapes',
    };
  const pattern = new RegExp(`\\$${name.replaceAll('.', '[^\\n]')}${WORD_BOUNDARY}`, 'gu');
  return { pattern, value, length: value.join('').length };
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

/** A backslash and what it escapes, or text without any. */
const TEMPLATE = /\\(g<0+>|0[0-7]{0,2}|[1-3][0-7]{2}|[\s\S]?)|[^\\]+/g;

/**
 * A value is a template of Python's `re.sub`, where a backslash escapes: the texts around each `\g<0>`, which is what was found.
 * Undefined where Python would refuse it.
 */
function expandTemplate(value: string): readonly string[] | undefined {
  const parts: string[] = [];
  let text = '';
  for (const [whole, escaped] of value.matchAll(TEMPLATE)) {
    if (escaped?.startsWith('g<')) {
      parts.push(text);
      text = '';
    } else {
      const meant = escaped === undefined ? whole : meaningOf(escaped);
      if (meant === undefined) return undefined;
      text += meant;
    }
  }
  return [...parts, text];
}

function meaningOf(escaped: string): string | undefined {
  const known = ESCAPES[escaped];
  if (known !== undefined) return known;
  if (/^[0-7]/.test(escaped) && (escaped.startsWith('0') || escaped.length === 3))
    return String.fromCharCode(Number.parseInt(escaped, 8));
  return /^[A-Za-z0-9]?$/.test(escaped) ? undefined : `\\${escaped}`;
}

/** Lines with their ends, as Python reads a text: CRLF and CR are LF. */
function linesOf(text: string): string[] {
  return text.replace(/\r\n?/g, '\n').match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function strip(text: string): string {
  return text.replace(STRIPPED, '');
}

/** What follows a keyword and one character, whichever that is. */
function argumentOf(line: string, keyword: string): string {
  return strip(line.slice(keyword.length).replace(/^./su, ''));
}

/** Where what follows the keyword begins; the keyword itself when nothing does. */
function argumentColumn(line: string, keyword: string): number {
  const rest = line.slice(keyword.length);
  const spaces = rest.length - rest.trimStart().length;
  return rest.trim() === '' ? 1 : keyword.length + spaces + 1;
}
