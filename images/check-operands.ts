import { Nearest } from '../model/nearest.ts';
import { shorten } from '../model/shorten.ts';
import type { DockerfileOutline, WrittenInstruction } from './dockerfile-outline.ts';
import { splitFlags, splitWords } from './instruction-words.ts';
import type { Remark } from './remark.ts';

/** Flags that some engine knows. */
const FLAGS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['ADD', new Set(['checksum', 'chmod', 'chown', 'exclude', 'keep-git-dir', 'link', 'unpack'])],
  ['COPY', new Set(['chmod', 'chown', 'exclude', 'from', 'link', 'parents'])],
  ['FROM', new Set(['platform'])],
  ['RUN', new Set(['device', 'mount', 'network', 'security'])],
]);
/** Instructions that mean nothing by themselves; a CMD or an ENTRYPOINT may be emptied. */
const NEEDS_OPERANDS: ReadonlySet<string> = new Set([
  ...['ADD', 'ARG', 'COPY', 'ENV', 'EXPOSE', 'LABEL', 'RUN', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR'],
]);
/** A text may have as many as it has lines. */
const MAX_REMARKS = 20;

/** Finds what every engine refuses before it builds anything, flags that no engine knows so far, and a RUN of nothing. */
export function checkOperands({ instructions, escape }: DockerfileOutline): Remark[] {
  const nearest = new Nearest();
  return instructions.flatMap((instruction) => check(instruction, { escape, nearest })).slice(0, MAX_REMARKS);
}

function check(
  { keyword, rest, line, column }: WrittenInstruction,
  { escape, nearest }: { readonly escape: string; readonly nearest: Nearest },
): Remark[] {
  const { flags, operands } = splitFlags(rest, escape);
  const known = FLAGS.get(keyword);
  const unknown = known ? flags.filter(({ name }) => !known.has(name.toLowerCase()) && name !== '') : [];
  const remarks = unknown.map(({ name }): Remark => {
    const meant = known && nearest.find(name, known);
    return {
      ...{ severity: 'warning', line, column, message: `unknown flag "--${shorten(name)}" of ${keyword}` },
      hint: meant === undefined ? `known are: ${dashed(known)}` : `did you mean "--${meant}"?`,
    };
  });
  const wrong = wrongOperands(keyword, operands, escape);
  // Of all that is empty engines carry out a RUN.
  const severity = keyword === 'RUN' ? 'warning' : 'error';
  return wrong ? [...remarks, { severity, line, column, ...wrong }] : remarks;
}

function wrongOperands(
  keyword: string,
  operands: string,
  escape: string,
): Pick<Remark, 'message' | 'hint'> | undefined {
  if (operands === '')
    return NEEDS_OPERANDS.has(keyword)
      ? { message: `${keyword} has nothing behind it`, hint: 'complete the line, or remove it' }
      : undefined;
  if (keyword === 'FROM') {
    const [, as, name, ...more] = operands.split(/\s+/);
    if (as === undefined || (as.toLowerCase() === 'as' && name !== undefined && more.length === 0))
      return undefined;
    return {
      message: 'FROM takes an image, or an image, AS and a name',
      hint: 'write "FROM image AS name"; a comment has a line of its own',
    };
  }
  const isCopy = keyword === 'COPY' || keyword === 'ADD';
  if (!isCopy || operands.startsWith('[') || splitWords(operands, escape).words.length > 1) return undefined;
  return {
    message: `${keyword} has a source and no destination`,
    hint: `write "${keyword} ${shorten(operands)} /path/in/the/image"`,
  };
}

function dashed(names: ReadonlySet<string> | undefined): string {
  return [...(names ?? [])].map((name) => `--${name}`).join(', ');
}
