import type { BasesOptions, BaseUse } from './dockerfile.ts';
import { findBases } from './dockerfile.ts';
import type { WrittenInstruction } from './dockerfile-outline.ts';
import { outlineDockerfile } from './dockerfile-outline.ts';
import { splitFlags, splitFrom } from './instruction-words.ts';
import type { Flag } from './instruction-words.ts';

/** A Dockerfile in which bases have other names; `unnamed` are the places where one could not be given. */
export interface RenamedDockerfile {
  readonly text: string;
  readonly unnamed: readonly BaseUse[];
}

/**
 * Gives bases of a Dockerfile other names, wherever one is named. A `FROM` of a base or of the parent loses its `--platform`: the
 * engine has them for the image's platform, and would ask outside for another. All else stays as it is, in the same lines.
 */
export function renameBases(
  dockerfile: string,
  names: ReadonlyMap<string, string>,
  options: BasesOptions,
): RenamedDockerfile {
  const { instructions, unread, escape } = outlineDockerfile(dockerfile);
  const { parentReference } = options;
  const found = findBases(dockerfile, options);
  const ofParent = found.parentStages.map((place): BaseUse => ({
    ...place,
    reference: parentReference ?? '',
    isStage: true,
  }));
  const uses = Map.groupBy([...found.uses, ...ofParent], ({ line }) => line);
  const lines = dockerfile.split('\n');
  const unnamed: BaseUse[] = [];
  for (const [at, instruction] of instructions.entries()) {
    const start = instruction.line - 1;
    const end = (instructions[at + 1]?.line ?? lines.length - unread.length + 1) - 1;
    for (const use of uses.get(instruction.line) ?? []) {
      const isOwn =
        use.reference === parentReference && splitFlags(instruction.rest, escape).flags.some(isPlatform);
      const name = isOwn ? parentReference : names.get(use.reference);
      if (name === undefined) continue;
      const before = lines.slice(start, end);
      const after = use.isStage
        ? renameStage(before, instruction, { name, escape })
        : renameSource(before, use.reference, name);
      if (!after) unnamed.push(use);
      else lines.splice(start, before.length, ...after);
    }
  }
  return { text: lines.join('\n'), unnamed };
}

/** What a FROM begins with may have variables, quotes and ends of lines in it. Its keyword stays as it is written: checks of a Dockerfile compare the case of keywords. */
function renameStage(
  [first = '', ...rest]: readonly string[],
  instruction: WrittenInstruction,
  { name, escape }: { readonly name: string; readonly escape: string },
): readonly string[] {
  const keyword = /^\s*(from)\s/i.exec(first)?.[1] ?? instruction.keyword;
  const written = instruction.rest.trimEnd();
  const { flags, operands } = splitFlags(written, escape);
  // What the engine does not know stays, to be refused there.
  const kept = flags.every(isPlatform) ? '' : written.slice(0, written.length - operands.length);
  const behind = operands.slice(splitFrom(operands).image.length);
  const others = rest.map((line) => (isComment(line) ? line : ''));
  return [`${keyword} ${kept}${name}${behind}`, ...others];
}

function isPlatform({ name }: Flag): boolean {
  return name === 'platform';
}

/** The first `from=` that has the reference: flags stand before all else. */
function renameSource(
  lines: readonly string[],
  reference: string,
  name: string,
): readonly string[] | undefined {
  const written = reference.replaceAll(/[.+*?^$(){}|[\]\\/]/g, '\\$&');
  const source = new RegExp(`(?<=(?:^|[-,="'\\s])from=["']?)${written}(?![\\w.:/@+-])`, 'i');
  const at = lines.findIndex((line) => !isComment(line) && source.test(line));
  return at < 0
    ? undefined
    : lines.with(
        at,
        (lines[at] ?? '').replace(source, () => name),
      );
}

/** Within an instruction they are passed over, wherever they stand. */
function isComment(line: string): boolean {
  return /^\s*#/.test(line);
}
