import { LIVE_LOG } from '../model/pure/artifact-names.ts';

/** Stores over a directory need short segments, and S3 has 1024 bytes for the whole key. */
const MAX_SEGMENT_BYTES = 255;
const MAX_NAME_BYTES = 600;

/** What is wrong with the name of an artifact, or undefined when it can be used. */
export function artifactNameMistake(name: string): string | undefined {
  const segments = name.split('/');
  if (name === '') return 'is empty';
  if (name.startsWith('/')) return 'begins with "/"';
  if (segments.includes('..') || segments.includes('.')) return 'has a segment "." or ".."';
  if (segments.includes('')) return 'has an empty segment';
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'has a control character';
  if (name === LIVE_LOG) return 'is the log that Slipway itself writes';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `has more than ${MAX_NAME_BYTES} bytes`;
  if (segments.some((segment) => Buffer.byteLength(segment) > MAX_SEGMENT_BYTES))
    return `has a segment of more than ${MAX_SEGMENT_BYTES} bytes`;
  return undefined;
}

/** What is wrong with the name of an artifact that another task has made: its log may be taken too. */
export function otherNameMistake(name: string): string | undefined {
  return name === LIVE_LOG ? undefined : artifactNameMistake(name);
}

/** Pairs of names where the first would be the directory of the second. */
export function artifactNameClashes(names: readonly string[]): { directory: string; inside: string }[] {
  const known = new Set([...names, LIVE_LOG]);
  return [...known].flatMap((inside) =>
    parentsOf(inside)
      .filter((directory) => known.has(directory))
      .map((directory) => ({ directory, inside })),
  );
}

/** Whether a task that declares these artifacts makes one of that name: its own, one inside a directory, or the log. */
export function isDeclared(
  name: string,
  artifacts: ReadonlyMap<string, { readonly isDirectory: boolean }>,
): boolean {
  return name === LIVE_LOG || declaredAs(name, artifacts) !== undefined;
}

/** The declared artifact that one of that name is, or is inside. */
export function declaredAs(
  name: string,
  artifacts: ReadonlyMap<string, { readonly isDirectory: boolean }>,
): string | undefined {
  if (artifacts.has(name)) return name;
  return parentsOf(name).find((directory) => artifacts.get(directory)?.isDirectory);
}

function parentsOf(name: string): string[] {
  const parents: string[] = [];
  // A name that is too long is a mistake already, and may have a million slashes.
  if (name.length > MAX_NAME_BYTES) return parents;
  for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) parents.push(name.slice(0, at));
  return parents;
}
