import { Nearest } from '../model/nearest.ts';
import type { DockerfileOutline, WrittenInstruction } from './dockerfile-outline.ts';
import { shorten } from '../model/shorten.ts';
import type { Remark } from './remark.ts';

const KNOWN: ReadonlySet<string> = new Set([
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
]);

/** A text that is no Dockerfile has as many as it has lines. */
const MAX_UNKNOWN = 10;

/** Finds what every engine refuses before it builds anything: unknown instructions, and none that begins a stage. */
export function checkInstructions({ instructions, isWhole, syntax }: DockerfileOutline): Remark[] {
  const nearest = new Nearest();
  const unknown = instructions.filter(({ keyword }) => !KNOWN.has(keyword));
  const remarks = unknown.slice(0, MAX_UNKNOWN).map((instruction): Remark => {
    const meant = nearest.find(instruction.keyword, KNOWN);
    return {
      // A later version of the syntax may have more of them.
      severity: meant === undefined && syntax !== undefined ? 'warning' : 'error',
      ...placeOf(instruction),
      message: `unknown instruction "${shorten(instruction.keyword)}"`,
      hint:
        meant === undefined
          ? 'if the line before shall go on here, end it with the escape character'
          : `did you mean "${meant}"?`,
    };
  });
  // One of the unknown ones may be meant for the FROM that is missed.
  return unknown.length > 0 ? remarks : missingFrom(instructions, isWhole);
}

function missingFrom(instructions: readonly WrittenInstruction[], isWhole: boolean): Remark[] {
  const hint = 'begin with "FROM image"; only ARG may stand before it';
  const first = instructions.find(({ keyword }) => keyword !== 'ARG');
  if (first && first.keyword !== 'FROM')
    return [
      { severity: 'error', ...placeOf(first), message: `${first.keyword} before the first FROM`, hint },
    ];
  if (first || !isWhole) return [];
  const message = `the Dockerfile has no ${instructions.length === 0 ? 'instructions' : 'FROM'}`;
  return [{ severity: 'error', line: 1, column: 1, message, hint }];
}

function placeOf({ line, column }: WrittenInstruction): Pick<Remark, 'line' | 'column'> {
  return { line, column };
}
