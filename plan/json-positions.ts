import type { LineCounter } from 'yaml';
import { countLines } from './count-lines.ts';
import type { Place, YamlPath } from './yaml-positions.ts';

/** Where a member of a map stands; an item of a list has no key. */
interface Member {
  readonly key: number;
  readonly value: number;
}

interface Located {
  readonly key: number | undefined;
  readonly value: number;
  /** How many segments of the path exist. */
  readonly depth: number;
}

/**
 * Finds paths of plain values in a text that `JSON.parse` has read, with the meaning that `YamlPositions` gives them. Only what
 * lies on the way is looked through, once: in forty million characters a path takes a moment, where YAML takes half a minute.
 */
export class JsonPositions {
  readonly #text: string;
  #lines: LineCounter | undefined;
  /** Members of the containers that were on the way, by where these begin. */
  readonly #members = new Map<number, ReadonlyMap<string | number, Member>>();

  constructor(text: string) {
    this.#text = text;
  }

  /** Where a path stands; where its nearest existing ancestor has its key if it is not there. */
  place(path: YamlPath, at: 'key' | 'value' = 'value'): Place {
    const { key, value, depth } = this.#locate(path);
    const wantsKey = at === 'key' || depth < path.length;
    this.#lines ??= countLines(this.#text);
    const { line, col } = this.#lines.linePos((wantsKey ? key : undefined) ?? value);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  has(path: YamlPath): boolean {
    return this.#locate(path).depth === path.length;
  }

  /** A scalar as it is written, a text without its quotes. */
  writtenAt(path: YamlPath): string | undefined {
    const { value, depth } = this.#locate(path);
    if (depth < path.length || '{['.includes(this.#text.charAt(value))) return undefined;
    const written = this.#text.slice(value, endOfValue(this.#text, value));
    return written.startsWith('"') ? (JSON.parse(written) as string) : written;
  }

  #locate(path: YamlPath): Located {
    let key: number | undefined;
    let value = skipBlanks(this.#text, 0);
    for (const [depth, segment] of path.entries()) {
      const member = this.#membersOf(value).get(segment);
      if (!member) return { key, value, depth };
      ({ key, value } = member);
    }
    return { key, value, depth: path.length };
  }

  #membersOf(at: number): ReadonlyMap<string | number, Member> {
    let members = this.#members.get(at);
    if (!members) {
      members = readMembers(this.#text, at);
      this.#members.set(at, members);
    }
    return members;
  }
}

function readMembers(text: string, container: number): ReadonlyMap<string | number, Member> {
  const members = new Map<string | number, Member>();
  const isMap = text[container] === '{';
  if (!isMap && text[container] !== '[') return members;
  let at = skipBlanks(text, container + 1);
  while (text[at] !== '}' && text[at] !== ']') {
    const key = at;
    let name: string | number = members.size;
    if (isMap) {
      const end = endOfString(text, key);
      name = JSON.parse(text.slice(key, end)) as string;
      // After the colon.
      at = skipBlanks(text, skipBlanks(text, end) + 1);
    }
    members.set(name, { key, value: at });
    at = skipBlanks(text, endOfValue(text, at));
    if (text[at] === ',') at = skipBlanks(text, at + 1);
  }
  return members;
}

function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  if (first !== '{' && first !== '[') {
    const end = /[\s,\]}]|$/g;
    end.lastIndex = start;
    return end.exec(text)?.index ?? text.length;
  }
  const marks = /["{}[\]]/g;
  marks.lastIndex = start;
  let depth = 0;
  for (let mark = marks.exec(text); mark; mark = marks.exec(text)) {
    if (mark[0] === '"') marks.lastIndex = endOfString(text, mark.index);
    else depth += mark[0] === '{' || mark[0] === '[' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}

/** After the closing quote: the first one before which the backslashes are paired. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let slash = quote - 1;
    while (text[slash] === '\\') slash -= 1;
    if ((quote - slash) % 2 === 1) return quote + 1;
  }
  return text.length;
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at += 1;
  return at;
}
