export interface WrittenInstruction {
  /** In capitals. */
  readonly keyword: string;
  /** What follows the keyword, its lines joined. */
  readonly rest: string;
  readonly line: number;
  readonly column: number;
}

export interface DockerfileOutline {
  readonly instructions: readonly WrittenInstruction[];
  /** Whether these are all: where a here-document cannot be told for sure, what follows is left out. */
  readonly isWhole: boolean;
  /** What `# syntax=` names; another program may know other instructions. */
  readonly syntax: string | undefined;
}

interface Line {
  readonly text: string;
  /** How many lines of the text it takes. */
  readonly count: number;
}

const DIRECTIVE = /^\s*#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S+)\s*$/;
const SYNTAX = /^[ \t]*(?:#|\/\/)[ \t]*syntax[ \t]*=[ \t]*(\S+)/im;
const HEREDOC_INSTRUCTIONS = new Set(['ADD', 'COPY', 'RUN']);
/** As BuildKit knows one among the words of a line. */
const HEREDOC = /^\d*<<(-?)([^<]+)$/;
const LIKE_HEREDOC = /<<-?\s*["'\\]*[A-Za-z_]/;

/** Finds the instructions of a Dockerfile by the rules of BuildKit's own parser, whatever they are. */
export function outlineDockerfile(dockerfile: string): DockerfileOutline {
  const lines = dockerfile.replace(/^\ufeff/, '').split('\n');
  const escape = escapeOf(lines);
  const syntax = SYNTAX.exec(dockerfile)?.[1];
  const instructions: WrittenInstruction[] = [];
  let at = 0;
  while (at < lines.length) {
    const { text, count } = joinLines(lines, at, escape);
    const [, keyword = '', rest = ''] = /^\s*(\S+)\s*([^]*)$/.exec(text) ?? [];
    const first = lines[at] ?? '';
    const place = { line: at + 1, column: first.length - first.trimStart().length + 1 };
    at += count;
    if (keyword === '') continue;
    instructions.push({ keyword: keyword.toUpperCase(), rest, ...place });
    const end = endOfHeredocs(lines, at, `${keyword} ${rest}`);
    if (end === undefined) return { instructions, isWhole: false, syntax };
    at = end;
  }
  return { instructions, isWhole: true, syntax };
}

/** Words of a line with their quotes and escapes; undefined where a quote stays open. */
function wordsOf(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (quote === '' && /\s/.test(character)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    word += character;
    if (character === '\\' && quote !== "'") word += line.charAt((at += 1));
    else if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
  }
  if (quote !== '') return undefined;
  return word === '' ? words : [...words, word];
}

/** Directives count only before everything else. */
function escapeOf(lines: readonly string[]): string {
  for (const line of lines) {
    const [, name, value] = DIRECTIVE.exec(line) ?? [];
    if (name === undefined) break;
    if (name.toLowerCase() === 'escape') return value === '`' ? '`' : '\\';
  }
  return '\\';
}

/** A line with those that it goes on in; comments and empty lines among them count for nothing. */
function joinLines(lines: readonly string[], start: number, escape: string): Line {
  const first = lines[start] ?? '';
  if (isComment(first)) return { text: '', count: 1 };
  let part = withoutEscape(first, escape);
  let text = part ?? first;
  let at = start + 1;
  for (; part !== undefined && at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (isComment(line) || line.trim() === '') continue;
    part = withoutEscape(line, escape);
    text += part ?? line;
  }
  return { text, count: at - start };
}

/** undefined when the line does not go on in the next. */
function withoutEscape(line: string, escape: string): string | undefined {
  let end = line.length;
  while (end > 0 && ' \t'.includes(line.charAt(end - 1))) end -= 1;
  const goesOn = line.charAt(end - 1) === escape && line.charAt(end - 2) !== escape;
  return goesOn ? line.slice(0, end - 1) : undefined;
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith('#');
}

/** The line after the here-documents that an instruction begins; undefined where that cannot be told. */
function endOfHeredocs(lines: readonly string[], start: number, instruction: string): number | undefined {
  if (!LIKE_HEREDOC.test(instruction)) return start;
  const [keyword = '', inner = ''] = instruction.split(/\s+/, 2);
  const owner = keyword.toUpperCase() === 'ONBUILD' ? inner : keyword;
  if (!HEREDOC_INSTRUCTIONS.has(owner.toUpperCase())) return start;
  const words = wordsOf(instruction);
  const found = (words ?? []).flatMap((word) => {
    const [, chomp = '', name] = HEREDOC.exec(word) ?? [];
    return name === undefined ? [] : [{ chomp, quoted: name }];
  });
  if (found.length === 0) return undefined;
  let at = start;
  for (const { chomp, quoted } of found) {
    const name = quoted.replaceAll(/["'\\]/g, '');
    while (at < lines.length && (chomp ? lines[at]?.replace(/^\t+/, '') : lines[at]) !== name) at += 1;
    if (at === lines.length) return undefined;
    at += 1;
  }
  return at;
}
