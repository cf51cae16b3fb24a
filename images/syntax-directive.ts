import { outlineDockerfile } from './dockerfile-outline.ts';
import type { DockerfileOutline } from './dockerfile-outline.ts';
import { splitFlags } from './instruction-words.ts';
import type { Remark } from './remark.ts';

/** What the own frontend of a new enough engine carries out. The number is of the version 1.N. */
const PLAIN = /^(?:docker\.io\/)?docker\/dockerfile(?::(?:latest|1(?:\.(\d+)(?:\.\d+)?)?))?$/;
/** The newest 1.N that an engine's own frontend surely does, by the engine's version. */
const OWN_FRONTENDS = [
  { major: 29, minor: 1, does: 20 },
  { major: 28, minor: 5, does: 19 },
  { major: 28, minor: 0, does: 12 },
  { major: 23, minor: 0, does: 4 },
] as const;
/** What nearly every Dockerfile wants that names no number. */
const USUAL = 12;
/** Flags that the usual does not know, with the first 1.N that does. */
const NEWER_FLAGS: ReadonlyMap<string, number> = new Map([
  ['ADD --unpack', 17],
  ['ADD --exclude', 19],
  ['COPY --exclude', 19],
  ['COPY --parents', 20],
  ['RUN --security', 20],
  ['RUN --device', 27],
]);
/** Flags that the usual knows and older engines do not. */
const USUAL_FLAGS: ReadonlyMap<string, number> = new Map([
  ['ADD --link', 4],
  ['COPY --link', 4],
  ['ADD --checksum', 6],
  ['ADD --keep-git-dir', 6],
  ['HEALTHCHECK --start-interval', 6],
]);
const HERE_DOCUMENTS = 4;
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
  const wanted = found && wantedVersion(found.reference, dockerfile);
  if (!found || wanted === undefined || wanted > ownVersion(engineVersion)) return dockerfile;
  const { at, count } = found;
  const others = lines.slice(0, count).filter((_, index) => index !== at);
  // A comment ends the directives, so that it stands behind the others.
  return [...others, '#', ...lines.slice(count)].join('\n');
}

/** The 1.N of a plain syntax that carries the Dockerfile out; undefined for any other syntax. */
function wantedVersion(reference: string, dockerfile: string): number | undefined {
  const asked = PLAIN.exec(reference);
  if (!asked) return undefined;
  const most = (version: number, flag: string): number => Math.max(version, NEWER_FLAGS.get(flag) ?? 0);
  return flagsOf(outlineDockerfile(dockerfile)).reduce(most, Number(asked[1] ?? USUAL));
}

/** With their instructions, as written: `COPY --link`. */
function flagsOf({ instructions, escape }: DockerfileOutline): readonly string[] {
  return instructions.flatMap(({ keyword, rest }) =>
    splitFlags(rest, escape).flags.map(({ name }) => `${keyword} --${name}`),
  );
}

/**
 * What of a Dockerfile that names no syntax the own frontend of an engine of a version may not know: flags such as `COPY --link`,
 * and `here-documents`.
 */
export function unknownTo(dockerfile: string, engineVersion: string): readonly string[] {
  if (findSyntax(dockerfile.split('\n'))) return [];
  const own = ownVersion(engineVersion);
  const outline = outlineDockerfile(dockerfile);
  const isUnknown = (flag: string): boolean => (USUAL_FLAGS.get(flag) ?? NEWER_FLAGS.get(flag) ?? own) > own;
  return [
    ...new Set(flagsOf(outline).filter(isUnknown)),
    ...(outline.hasHereDocuments && HERE_DOCUMENTS > own ? ['here-documents'] : []),
  ];
}

/** The newest 1.N that an engine of a version does itself. */
function ownVersion(engineVersion: string): number {
  const [newest] = OWN_FRONTENDS;
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(engineVersion) ?? [];
  // One that says no number is newer than all of them.
  if (major === undefined) return newest.does;
  const own = OWN_FRONTENDS.find(
    (since) => Number(major) > since.major || (Number(major) === since.major && Number(minor) >= since.minor),
  );
  return own?.does ?? -1;
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
