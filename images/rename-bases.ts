import type { BasesOptions, BaseUse } from './dockerfile.ts';
import { findBases } from './dockerfile.ts';
import type { WrittenInstruction } from './dockerfile-outline.ts';
import { outlineDockerfile } from './dockerfile-outline.ts';
import { splitFlags, splitFrom } from './instruction-words.ts';

/** A Dockerfile in which bases have other names; `unnamed` are the places where one could not be given. */
export interface RenamedDockerfile {
  readonly text: string;
  readonly unnamed: readonly BaseUse[];
}

/** Gives bases of a Dockerfile other names, wherever one is named. All else of it stays as it is, in the same lines. */
export function renameBases(
  dockerfile: string,
  names: ReadonlyMap<string, string>,
  options: BasesOptions,
): RenamedDockerfile {
  const { instructions, unread, escape } = outlineDockerfile(dockerfile);
  const uses = Map.groupBy(findBases(dockerfile, options).uses, ({ line }) => line);
  const lines = dockerfile.split('\n');
  const unnamed: BaseUse[] = [];
  for (const [at, instruction] of instructions.entries()) {
    const start = instruction.line - 1;
    const end = (instructions[at + 1]?.line ?? lines.length - unread.length + 1) - 1;
    for (const use of uses.get(instruction.line) ?? []) {
      const name = names.get(use.reference);
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

/** What a FROM begins with may have variables, quotes and ends of lines in it. */
function renameStage(
  [, ...rest]: readonly string[],
  instruction: WrittenInstruction,
  { name, escape }: { readonly name: string; readonly escape: string },
): readonly string[] {
  const written = instruction.rest.trimEnd();
  const { operands } = splitFlags(written, escape);
  const flags = written.slice(0, written.length - operands.length);
  const behind = operands.slice(splitFrom(operands).image.length);
  const others = rest.map((line) => (isComment(line) ? line : ''));
  return [`${instruction.keyword} ${flags}${name}${behind}`, ...others];
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
