import { HereDocuments } from './here-documents.ts';

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
  /** The lines that are left out. */
  readonly unread: readonly string[];
  /** What stands before a character that is meant as it is, or before the end of a line that goes on in the next. */
  readonly escape: string;
  /** What `# syntax=` names; another program may know other instructions. */
  readonly syntax: string | undefined;
  readonly hasHereDocuments: boolean;
}

interface Line {
  readonly text: string;
  /** How many lines of the text it takes. */
  readonly count: number;
}

const DIRECTIVE = /^\s*#\s*(syntax|escape|check)\s*=([^]*)$/i;
const SYNTAX = /^[ \t]*(?:#|\/\/)[ \t]*syntax[ \t]*=[ \t]*(\S+)/im;

/** Finds the instructions of a Dockerfile by the rules of BuildKit's own parser, whatever they are. */
export function outlineDockerfile(dockerfile: string): DockerfileOutline {
  const lines = dockerfile.replace(/^\ufeff/, '').split('\n');
  const escape = escapeOf(lines);
  const syntax = SYNTAX.exec(dockerfile)?.[1];
  const instructions: WrittenInstruction[] = [];
  const hereDocuments = new HereDocuments(lines);
  const same = { instructions, escape, syntax };
  let hasHereDocuments = false;
  let at = 0;
  while (at < lines.length) {
    const { text, count } = joinLines(lines, at, escape);
    const [, keyword = '', rest = ''] = /^\s*(\S+)\s*([^]*)$/.exec(text) ?? [];
    const first = lines[at] ?? '';
    const place = { line: at + 1, column: first.length - first.trimStart().length + 1 };
    at += count;
    if (keyword === '') continue;
    instructions.push({ keyword: keyword.toUpperCase(), rest, ...place });
    const end = hereDocuments.endAfter(`${keyword} ${rest}`, at);
    if (end === undefined) return { ...same, isWhole: false, unread: lines.slice(at), hasHereDocuments };
    hasHereDocuments ||= end > at;
    at = end;
  }
  return { ...same, isWhole: true, unread: [], hasHereDocuments };
}

/** Directives count only before everything else. */
function escapeOf(lines: readonly string[]): string {
  for (const line of lines) {
    const [, name, value] = DIRECTIVE.exec(line) ?? [];
    if (name === undefined) break;
    if (name.toLowerCase() === 'escape') return value?.trim() === '`' ? '`' : '\\';
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
