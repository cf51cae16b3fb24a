import type { Remark } from './remark.ts';

/** What the own frontend of a new enough engine carries out. The number is of the version 1.N; without one the newest is meant. */
const PLAIN = /^(?:docker\.io\/)?docker\/dockerfile(?::(?:latest|1(?:\.(\d+)(?:\.\d+)?)?))?$/;
/** The newest 1.N that an engine's own frontend surely does, by the engine's major version. */
const OWN_FRONTENDS = [
  { from: 28, minor: 12 },
  { from: 23, minor: 4 },
] as const;
const DIRECTIVE = /^\s*#\s*(syntax|escape|check)\s*=\s*(.*?)\s*$/i;

interface SyntaxDirective {
  /** The image of the program that reads the Dockerfile instead of the engine's own. */
  readonly reference: string;
  /** Index of its line. */
  readonly at: number;
  /** How many directives the Dockerfile begins with. */
  readonly count: number;
}

/** What `# syntax=` names where it counts: among the directives that a Dockerfile begins with. */
function findSyntax(lines: readonly string[]): SyntaxDirective | undefined {
  let found: Pick<SyntaxDirective, 'reference' | 'at'> | undefined;
  let count = 0;
  for (; count < lines.length; count += 1) {
    const [, name, value = ''] = DIRECTIVE.exec((lines[count] ?? '').replace(/^\ufeff/, '')) ?? [];
    if (name === undefined) break;
    if (name.toLowerCase() === 'syntax') found ??= { reference: value.split(/\s/)[0] ?? '', at: count };
  }
  return found && { ...found, count };
}

/**
 * A Dockerfile for an engine of a version: where its own frontend does what the syntax asks for, that line is left out, so that the
 * engine asks nobody outside for it. Any other syntax stays. All lines but its directives stay where they are.
 */
export function forFrontendOf(dockerfile: string, engineVersion: string): string {
  const lines = dockerfile.split('\n');
  const found = findSyntax(lines);
  if (!found || !knows(engineVersion, found.reference)) return dockerfile;
  const { at, count } = found;
  const others = lines.slice(0, count).filter((_, index) => index !== at);
  // A comment ends the directives, so that it stands behind the others.
  return [...others, '#', ...lines.slice(count)].join('\n');
}

function knows(engineVersion: string, reference: string): boolean {
  const asked = PLAIN.exec(reference);
  if (!asked) return false;
  const [newest] = OWN_FRONTENDS;
  // One that says no number is newer than all of them.
  const major = Number.parseInt(engineVersion, 10) || newest.from;
  const own = OWN_FRONTENDS.find(({ from }) => major >= from);
  return own !== undefined && Number(asked[1] ?? newest.minor) <= own.minor;
}

/** Says of another syntax that its program comes from outside, whatever is in the store. */
export function checkSyntax(dockerfile: string): readonly Remark[] {
  const found = findSyntax(dockerfile.split('\n'));
  if (!found || PLAIN.test(found.reference)) return [];
  return [
    {
      severity: 'warning',
      line: found.at + 1,
      column: 1,
      message: `"${found.reference}" is fetched from outside by each engine that builds: it is ${found.reference.includes('@') ? 'not' : 'neither pinned nor'} stored`,
      hint: '"docker/dockerfile:1" needs nothing from outside on engines from 28 on',
    },
  ];
}
