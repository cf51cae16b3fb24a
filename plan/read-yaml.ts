import { isScalar, parseDocument } from 'yaml';
import type { YAMLError } from 'yaml';
import { decodeUtf8, notUtf8 } from '../model/decode-utf8.ts';
import type { Finding } from '../model/findings.ts';
import { checkNodes } from './check-nodes.ts';
import { countLines } from './count-lines.ts';
import { JsonPositions } from './json-positions.ts';
import { YamlPositions } from './yaml-positions.ts';
import type { Place, YamlPath } from './yaml-positions.ts';
import { isMeantAsJson, readJsonMap } from './read-json.ts';

/** A YAML text: its plain value, what is wrong with it as YAML, and where everything stands. */
export interface YamlSource {
  readonly file: string;
  /** Whether `value` is all that the text says; if not, `findings` say why. */
  readonly usable: boolean;
  readonly value: unknown;
  readonly findings: readonly Finding[];
  position(path: YamlPath, at?: 'key' | 'value'): Place;
  /** Whether the path is there. */
  has(path: YamlPath): boolean;
  /** A scalar as it is written: `1.10`, where the value is 1.1. */
  writtenAt(path: YamlPath): string | undefined;
}

/** Beyond this a text is no configuration; YAML takes about a second for two million characters. */
const MAX_CHARACTERS = 16_000_000;

/** Ten thousand tasks as taskgraph prints them have about forty million, which JSON takes half a second for. */
const MAX_JSON_CHARACTERS = 64_000_000;

/** Nothing that is meant is as deep, and every check walks down by calling itself. */
const MAX_DEPTH = 500;
const TOO_DEEP = ['nested too deeply', `at most ${MAX_DEPTH} maps and lists in each other`] as const;

/** One broken line often breaks many that follow. */
const MAX_SYNTAX_FINDINGS = 20;

/** Reads one YAML (or JSON) document with anchors and merge keys, of bytes too; `least` is what an empty one lacks. Never throws. */
export function readYaml(
  content: string | Buffer | undefined,
  file: string,
  least = '"version: 1"',
): YamlSource {
  if (content === undefined)
    return unusable(file, `${file} is missing`, `add ${file} at the root of the tree`);
  const text = typeof content === 'string' ? content : decodeUtf8(content);
  const { message, hint } = notUtf8(file);
  if (text === undefined) return unusable(file, message, hint);
  const json = text.length > MAX_JSON_CHARACTERS ? undefined : readJsonMap(text);
  if (json) return isTooDeep(json) ? unusable(file, ...TOO_DEEP) : readAsJson(json, text, file);
  if (text.length > MAX_CHARACTERS)
    return unusable(file, `the text has ${text.length} characters`, mostOf(text));
  try {
    return readDocument(text, { file, least });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error instanceof RangeError
      ? unusable(file, ...TOO_DEEP)
      : unusable(file, `cannot be read: ${error.message}`);
  }
}

/** JSON that has mistakes is read as YAML is. */
function mostOf(text: string): string {
  return isMeantAsJson(text)
    ? `at most ${MAX_JSON_CHARACTERS} of JSON without mistakes, else ${MAX_CHARACTERS}`
    : `at most ${MAX_CHARACTERS}`;
}

/** Where something stands is only looked for when there is something to say of it. */
function readAsJson(value: unknown, text: string, file: string): YamlSource {
  const positions = new JsonPositions(text);
  return {
    file,
    usable: true,
    value,
    findings: [],
    position: (path, at) => positions.place(path, at),
    has: (path) => positions.has(path),
    writtenAt: (path) => positions.writtenAt(path),
  };
}

function readDocument(
  text: string,
  { file, least }: { readonly file: string; readonly least: string },
): YamlSource {
  const lines = countLines(text);
  const document = parseDocument(text, {
    merge: true,
    // Our own check says where the first of two equal keys stands, and takes linear time.
    uniqueKeys: false,
    prettyErrors: false,
    strict: true,
    logLevel: 'error',
  });
  const root = document.contents ?? undefined;
  const nodes = checkNodes(root, lines);
  const positions = new YamlPositions(root, nodes.resolve, lines);
  const syntax = syntaxFindings([...document.errors, ...document.warnings]);
  const isWhole = syntax.length === 0 && !nodes.broken;
  // The walk has already bounded how far aliases expand.
  const value: unknown = isWhole ? document.toJS({ maxAliasCount: -1 }) : undefined;
  if (isTooDeep(value)) return unusable(file, ...TOO_DEEP);
  const empty = isWhole && (root === undefined || (isScalar(root) && root.value === null));
  return {
    file,
    usable: isWhole && !empty,
    value,
    findings: [
      ...syntax,
      ...nodes.findings.map((found) => ({ severity: 'error' as const, file, ...found })),
      ...(empty ? [atStart(file, 'the file is empty', `write at least ${least}`)] : []),
    ],
    position: (path, at) => positions.place(path, at),
    has: (path) => positions.locate(path).depth === path.length,
    writtenAt: (path) => {
      const { value, depth } = positions.locate(path);
      return depth === path.length && isScalar(value) ? value.source : undefined;
    },
  };

  /** The first error of each line: what follows on it is mostly its echo. */
  function syntaxFindings(errors: readonly YAMLError[]): Finding[] {
    const byLine = new Map<number, Finding>();
    for (const error of errors) {
      const place = positions.placeAt(error.pos[0]);
      if (byLine.has(place.line) || byLine.size >= MAX_SYNTAX_FINDINGS) continue;
      const known = SYNTAX[error.code];
      const message = known?.message ?? error.message.replace(/\s+/g, ' ').replace(/\.$/, '');
      byLine.set(place.line, {
        severity: 'error',
        file,
        ...place,
        message: `not YAML: ${message}`,
        hint: known?.hint,
      });
    }
    return [...byLine.values()];
  }
}

/** Goes by levels, since it must not call itself; one alias is looked through for each level that it stands on. */
function isTooDeep(root: unknown): boolean {
  let level = new Set<object>(typeof root === 'object' && root !== null ? [root] : []);
  for (let depth = 0; level.size > 0; depth += 1) {
    if (depth === MAX_DEPTH) return true;
    const below = new Set<object>();
    for (const value of level)
      for (const member of Object.values(value) as unknown[])
        if (typeof member === 'object' && member !== null) below.add(member);
    level = below;
  }
  return false;
}

const SYNTAX: Readonly<Record<string, { message?: string; hint?: string }>> = {
  TAB_AS_INDENT: { hint: 'indent with spaces' },
  BAD_SCALAR_START: { hint: 'quote the text' },
  BLOCK_AS_IMPLICIT_KEY: { hint: 'quote the text: ": " in it begins a map' },
  MULTIPLE_DOCS: { message: 'a second document begins here', hint: 'one file holds one document' },
  RESOURCE_EXHAUSTION: { message: TOO_DEEP[0] },
  TAG_RESOLVE_FAILED: { hint: 'tags such as !name mean nothing here; quote the text if it begins with "!"' },
};

function unusable(file: string, message: string, hint?: string): YamlSource {
  return {
    file,
    usable: false,
    value: undefined,
    findings: [atStart(file, message, hint)],
    position: () => ({ line: 1, column: 1 }),
    has: () => false,
    writtenAt: () => undefined,
  };
}

function atStart(file: string, message: string, hint?: string): Finding {
  return { severity: 'error', file, line: 1, column: 1, message, hint };
}
