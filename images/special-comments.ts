import type { Finding } from '../model/findings.ts';

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
}

export type Problem = Place & Pick<Finding, 'message' | 'hint'>;

const ARG = '# %ARG';
const INCLUDE = '# %include';
const INCLUDE_RUN_TASK = '# %include-run-task';

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
  const replacements: { readonly pattern: RegExp; readonly value: string }[] = [];
  const includes: Include[] = [];
  const problems: Problem[] = [];
  const lines: number[] = [];
  let text = '';

  linesOf(dockerfile).forEach((written, index) => {
    const number = index + 1;
    if (written.startsWith(ARG)) {
      const found = readArg(written, args);
      if ('message' in found) problems.push({ line: number, column: argumentColumn(written, ARG), ...found });
      else replacements.push(found);
      return;
    }
    const line = replacements.reduce(
      (sofar, { pattern, value }) => sofar.replace(pattern, () => value),
      written,
    );
    text += line;
    for (let count = line.split('\n').length - (line.endsWith('\n') ? 1 : 0); count > 0; count -= 1)
      lines.push(number);
    if (!line.startsWith(INCLUDE)) return;
    const place = { line: number, column: argumentColumn(written, INCLUDE) };
    if (strip(line) === INCLUDE_RUN_TASK) problems.push({ ...place, column: 1, ...NO_RUN_TASK });
    else includes.push({ ...place, path: strip(line.slice(INCLUDE.length + 1)) });
  });
  return { text, includes, lines, problems };
}

const NO_RUN_TASK = {
  message: `"${INCLUDE_RUN_TASK}" is not supported`,
  hint: 'keep the run-task files in the tree, name them by "# %include" and COPY them',
};

function readArg(
  line: string,
  args: Readonly<Record<string, string>>,
): { pattern: RegExp; value: string } | Pick<Finding, 'message' | 'hint'> {
  const name = strip(line.slice(ARG.length + 1));
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
  const value = expandTemplate(args[name] ?? '');
  if (value === undefined)
    return {
      message: `the value of argument "${name}" has a backslash that stands for nothing`,
      hint: 'write "\\\\" for a backslash; "\\n" and "\\t" are newline and tab',
    };
  const pattern = new RegExp(`\\$${name.replaceAll('.', '[^\\n]')}${WORD_BOUNDARY}`, 'gu');
  return { pattern, value };
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

/** A value is a template of Python's `re.sub`, where a backslash escapes. Undefined where Python would refuse it. */
function expandTemplate(value: string): string | undefined {
  let refused = false;
  const text = value.replace(/\\(0[0-7]{0,2}|[1-3][0-7]{2}|[\s\S]?)/g, (whole, escaped: string) => {
    const known = ESCAPES[escaped];
    if (known !== undefined) return known;
    if (/^[0-7]/.test(escaped) && (escaped.startsWith('0') || escaped.length === 3))
      return String.fromCharCode(Number.parseInt(escaped, 8));
    if (/^[A-Za-z0-9]?$/.test(escaped)) refused = true;
    return whole;
  });
  return refused ? undefined : text;
}

/** Lines with their ends, as Python reads a text: CRLF and CR are LF. */
function linesOf(text: string): string[] {
  return text.replace(/\r\n?/g, '\n').match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function strip(text: string): string {
  return text.replace(STRIPPED, '');
}

/** Where what follows the keyword begins; the keyword itself when nothing does. */
function argumentColumn(line: string, keyword: string): number {
  const rest = line.slice(keyword.length);
  const spaces = rest.length - rest.trimStart().length;
  return rest.trim() === '' ? 1 : keyword.length + spaces + 1;
}
