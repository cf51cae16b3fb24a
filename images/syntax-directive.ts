import type { Remark } from './remark.ts';

/** What an engine's own frontend carries out, in any version of it. */
const PLAIN = /^(?:docker\.io\/)?docker\/dockerfile(?::(?:latest|1(?:\.\d+){0,2}))?$/;
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
 * A Dockerfile for an engine whose own frontend does what `docker/dockerfile:1` does: without that line, the engine asks nobody
 * outside for it. Any other syntax stays. All lines but its directives stay where they are.
 */
export function withOwnFrontend(dockerfile: string): string {
  const lines = dockerfile.split('\n');
  const found = findSyntax(lines);
  if (!found || !PLAIN.test(found.reference)) return dockerfile;
  const { at, count } = found;
  const others = lines.slice(0, count).filter((_, index) => index !== at);
  // A comment ends the directives, so that it stands behind the others.
  return [...others, '#', ...lines.slice(count)].join('\n');
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
      message: `"${found.reference}" is fetched from outside by each engine that builds: it is neither pinned nor stored`,
      hint: '"docker/dockerfile:1" needs nothing from outside',
    },
  ];
}
