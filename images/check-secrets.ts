import type { DockerfileOutline } from './dockerfile-outline.ts';
import { splitFlags } from './instruction-words.ts';
import type { Remark } from './remark.ts';

const KIND = /(?:^|,)"?type=(secret|ssh)\b/i;
const REQUIRED = /(?:^|,)"?required(?:=(?:true|1)\b|"?(?:,|$))/i;

/** Finds mounts of what a build does not have: secrets, and the keys of somebody who builds by hand. */
export function checkSecrets({ instructions, isWhole, escape }: DockerfileOutline): Remark[] {
  const lastFrom = instructions.findLastIndex(({ keyword }) => keyword === 'FROM');
  return instructions.flatMap(({ keyword, rest, line, column }, at) => {
    if (keyword !== 'RUN') return [];
    const mounts = splitFlags(rest, escape).flags.filter(({ name }) => name === 'mount');
    return mounts.flatMap(({ value = '' }): Remark[] => {
      const kind = KIND.exec(value)?.[1]?.toLowerCase();
      if (kind === undefined) return [];
      const isRequired = REQUIRED.test(value);
      // An engine passes over stages that the last one does not need.
      const isCertain = isRequired && isWhole && at > lastFrom;
      return [
        {
          severity: isCertain ? 'error' : 'warning',
          line,
          column,
          message: `"RUN --mount=type=${kind}" ${isRequired ? 'fails' : 'mounts nothing'}: builds have no ${kind === 'ssh' ? 'SSH agent' : 'secrets'}`,
          hint: 'let a task fetch what needs them: tasks may have "secrets"',
        },
      ];
    });
  });
}
