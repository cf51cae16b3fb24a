import { posix } from 'node:path';
import type { DockerfileOutline, WrittenInstruction } from './dockerfile-outline.ts';
import { INCLUDES } from './context-files.ts';
import type { Remark } from './remark.ts';
import { shorten } from '../model/shorten.ts';
import type { TreeIndex } from './tree-index.ts';

export interface SourcesContext {
  /** Of the context in the tree, without links in it. */
  readonly directory: string;
  /** Paths that `# %include` names, as written. */
  readonly includes: readonly string[];
}

/** What every engine takes as it stands: no wildcard, variable, quote, address or here-document. */
const LITERAL = /^[\p{L}\p{N}_./@+=,~-]+$/u;
const REMOTE = /^(?:git@|github\.com\/)/;
/** With one of these a blank may be part of a word. */
const SPLIT_OTHERWISE = /["'\\`{]/;
/** What to do about a submodule in a context. */
export const SUBMODULE_HINT = 'commit its files, or clone it in the image';
/** Each is looked for in the tree. */
const MAX_LOOKED_FOR = 1000;

/** Finds sources of COPY and ADD that lead out of the context, or that it does not have. */
export async function checkSources(
  { instructions, isWhole }: DockerfileOutline,
  context: SourcesContext,
  index: TreeIndex,
): Promise<Remark[]> {
  const remarks: Remark[] = [];
  const known = new Map<string, Found>();
  const lastFrom = instructions.findLastIndex(({ keyword }) => keyword === 'FROM');
  for (const [at, instruction] of instructions.entries()) {
    for (const written of sourcesOf(instruction)) {
      const { keyword, line, column } = instruction;
      const source = posix.normalize(written).replace(/^\/+|\/+$/g, '');
      if (/^\.\.(\/|$)/.test(source)) {
        remarks.push({ severity: 'warning', line, column, ...outside(keyword, source, context) });
        continue;
      }
      if (!known.has(source)) {
        if (known.size === MAX_LOOKED_FOR) return remarks;
        known.set(source, await findSource(source, context, index));
      }
      const { isThere, submodule } = known.get(source) ?? { isThere: true };
      if (isThere) continue;
      remarks.push({
        // An engine passes over stages that the last one does not need.
        severity: isWhole && at > lastFrom ? 'error' : 'warning',
        line,
        column,
        message: `${keyword} source "${shorten(written)}" is not in the build context`,
        hint:
          submodule === undefined
            ? `add ${shorten(posix.join(context.directory, source))}; only committed files count`
            : `"${shorten(submodule)}" is a submodule, which a build context leaves out: ${SUBMODULE_HINT}`,
      });
    }
  }
  return remarks;
}

/** Literal sources in the context; none where it is not certain what they are. */
function sourcesOf({ keyword, rest }: WrittenInstruction): readonly string[] {
  if ((keyword !== 'COPY' && keyword !== 'ADD') || rest.includes('<<')) return [];
  const words = rest.split(/\s+/).filter((word) => word !== '');
  const start = words.findIndex((word) => !word.startsWith('--'));
  if (start === -1 || words.slice(0, start).some((flag) => /^--from\b/i.test(flag))) return [];
  const isList = words[start]?.startsWith('[');
  if (!isList && SPLIT_OTHERWISE.test(rest)) return [];
  const paths = isList ? parseList(words.slice(start).join(' ')) : words.slice(start);
  return paths.slice(0, -1).filter((path) => LITERAL.test(path) && !REMOTE.test(path));
}

function parseList(text: string): readonly string[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((item) => typeof item === 'string') ? list : [];
  } catch {
    return [];
  }
}

interface Found {
  readonly isThere: boolean;
  /** What keeps it out, at its path or on the way there. */
  readonly submodule?: string | undefined;
}

/** Looks for a source in the context. In doubt it is there: a link to a directory, which the context leaves out, counts for one. */
async function findSource(
  source: string,
  { directory, includes }: SourcesContext,
  index: TreeIndex,
): Promise<Found> {
  if (source === '' || source === '.') return { isThere: true };
  const path = posix.join(directory, source);
  const kind = await index.kindAt(path);
  if (kind !== undefined && kind !== 'submodule') return { isThere: true };
  let submodule = await index.submoduleOn(path);
  for (const written of includes) {
    const name = posix.normalize(`${INCLUDES}/${written}`).replace(/\/$/, '');
    if (name.startsWith(`${source}/`)) return { isThere: true };
    if (name !== source && !source.startsWith(`${name}/`)) continue;
    const inside = posix.join(posix.normalize(written), source.slice(name.length)).replace(/\/$/, '');
    submodule ??= await index.submoduleOn(inside);
    // That what is included is there is looked at elsewhere.
    const isMissing = name !== source && (await index.resolve(inside)).kind === 'missing';
    if (submodule === undefined && !isMissing) return { isThere: true };
  }
  return { isThere: false, submodule };
}

function outside(
  keyword: string,
  source: string,
  { directory }: SourcesContext,
): Pick<Remark, 'message' | 'hint'> {
  const path = posix.join(directory, source);
  const isInTree = !path.startsWith('..');
  const include = isInTree ? path : 'PATH';
  return {
    message: `${keyword} source "${shorten(source)}" leads out of the build context`,
    hint: `write "# %include ${shorten(include)}" and copy "${INCLUDES}/${shorten(include)}"`,
  };
}
