import { splitWords } from './instruction-words.ts';

interface HereDocument {
  readonly name: string;
  /** Tabs before its end count for nothing. */
  readonly isIndented: boolean;
}

const INSTRUCTIONS = new Set(['ADD', 'COPY', 'RUN']);
/** As BuildKit knows one among the words of a line. */
const BEGINNING = /^\d*<<(-?)\s*([^<]+)$/;
/** Its name may be the next word. */
const NAMED_APART = /^\d*<<$/;
/** Hardly meant for anything else. */
const LIKE_ONE = /(?<!<)<<-?["'\\]*[A-Za-z_]/;

/** The here-documents in the lines of a Dockerfile. */
export class HereDocuments {
  readonly #lines: readonly string[];
  #ends: ReadonlyMap<string, number> | undefined;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  /** The line after those that an instruction before `start` begins; undefined where that cannot be told. */
  endAfter(instruction: string, start: number): number | undefined {
    if (!instruction.includes('<<')) return start;
    const [keyword = '', inner = ''] = instruction.split(/\s+/, 2);
    const owner = keyword.toUpperCase() === 'ONBUILD' ? inner : keyword;
    if (!INSTRUCTIONS.has(owner.toUpperCase())) return start;
    const isLikely = LIKE_ONE.test(instruction);
    const { words, isOpen } = splitWords(instruction, '\\');
    if (isOpen) return isLikely ? undefined : start;
    this.#ends ??= lastPlaces(this.#lines);
    let at = start;
    for (const wanted of hereDocumentsOf(words)) {
      // What never ends an engine refuses, unless it knows none of this form: then the next line is an instruction.
      if ((this.#ends.get(keyOf(wanted)) ?? -1) < at) return isLikely || at > start ? undefined : start;
      while (textOf(this.#lines[at] ?? '', wanted) !== wanted.name) at += 1;
      at += 1;
    }
    return at;
  }
}

function hereDocumentsOf(words: readonly string[]): readonly HereDocument[] {
  const found: HereDocument[] = [];
  for (const [at, word] of words.entries()) {
    const isNamedApart = NAMED_APART.test(words[at - 1] ?? '');
    const [, dash, quoted = ''] = BEGINNING.exec(isNamedApart ? `<< ${word}` : word) ?? [];
    const name = unquoted(quoted);
    if (name !== '') found.push({ name, isIndented: dash === '-' });
  }
  return found;
}

function unquoted(word: string): string {
  const inner = (_: string, single?: string, double?: string, escaped?: string): string =>
    single ?? double?.replaceAll(/\\(["$\\])/g, '$1') ?? escaped ?? '';
  return word.replaceAll(/'([^']*)'|"((?:\\[^]|[^"\\])*)"|\\([^]?)/g, inner);
}

/** The last line that may end each here-document, so that none is looked for in vain. */
function lastPlaces(lines: readonly string[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  for (const [at, line] of lines.entries())
    for (const isIndented of [false, true])
      places.set(keyOf({ name: textOf(line, { isIndented }), isIndented }), at);
  return places;
}

/** No line has an end of line in it. */
function keyOf({ name, isIndented }: HereDocument): string {
  return isIndented ? `\n${name}` : name;
}

function textOf(line: string, { isIndented }: Pick<HereDocument, 'isIndented'>): string {
  return isIndented ? line.replace(/^\t+/, '') : line;
}
