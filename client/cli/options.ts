import type { Argv, Options } from 'yargs';
import { UsageError } from './usage-error.ts';

/** Options that several verbs have, with the same words everywhere. */
export const jsonOption = {
  type: 'boolean',
  default: false,
  describe: 'Print one JSON document instead of text',
} as const satisfies Options;

export const revOption = {
  type: 'string',
  default: 'HEAD',
  requiresArg: true,
  describe: 'Revision, branch or anything that git can name',
} as const satisfies Options;

export const repoOption = {
  type: 'string',
  default: '.',
  requiresArg: true,
  describe: 'Directory or URL of the repository',
} as const satisfies Options;

/** The image that a verb is about, wherever it is named. */
export const imageWhat =
  'Name of an image in this checkout, a task (the image it ran in, or built), a push, an image hash, a digest';

export const imageOption = {
  type: 'string',
  requiresArg: true,
  describe: 'One of a push that has several',
} as const satisfies Options;

export const worktreeOption = {
  type: 'boolean',
  default: false,
  describe: 'Tracked files as they stand in the working tree, committed or not',
} as const satisfies Options;

export const watchOption = {
  type: 'boolean',
  alias: 'w',
  default: false,
  describe: 'Show what happens until the verdict; the exit code is the verdict',
} as const satisfies Options;

export const refOption = {
  type: 'string',
  requiresArg: true,
  describe: 'Branch that the revision is pushed to; default: the one that --rev names or that is checked out',
} as const satisfies Options;

export const platformOption = {
  type: 'string',
  requiresArg: true,
  coerce: readPlatform,
  describe: 'Platform of images that name none, for example linux/arm64; default: what pushes build for',
} as const satisfies Options;

/** Of images that are made in an engine here. */
export const enginePlatformOption = {
  ...platformOption,
  describe:
    "Platform of images of the tree that name none, for example linux/amd64; default: the engine's, which CI's need not be",
} as const satisfies Options;

export const tasksOption = {
  type: 'string',
  array: true,
  // One value each time, so that a repository may follow.
  nargs: 1,
  coerce: splitPatterns,
  describe:
    'Labels or globs of the wanted tasks (after "!": without them), or image:NAME, separated by commas; may be given several times',
} as const satisfies Options;

export const projectOption = {
  type: 'string',
  requiresArg: true,
  describe: 'Chooses among the projects that name the repository',
} as const satisfies Options;

export const pushOption = {
  type: 'string',
  requiresArg: true,
  describe:
    'Push that a bare label belongs to: its id, its revision or a beginning of it; default: the newest of what is checked out, else the newest',
} as const satisfies Options;

export const runOption = {
  type: 'number',
  requiresArg: true,
  describe: 'Run, numbered from 0; default: the newest',
} as const satisfies Options;

/** The repository as the first positional argument. */
export function repositoryArgument<T>(cli: Argv<T>): Argv<T & { repo: string }> {
  return cli.positional('repo', {
    type: 'string',
    default: '.',
    describe: 'Directory or URL of the repository',
  });
}

function readPlatform(platform: string): string {
  if (/^[a-z0-9]+\/[a-z0-9_-]+(\/[a-z0-9.]+)?$/.test(platform)) return platform;
  throw new UsageError(`--platform ${platform}: expected os/architecture, for example linux/arm64`);
}

/** Splits lists at their commas, but not inside the braces of a glob. */
export function splitPatterns(given: string | readonly string[] | undefined): string[] | undefined {
  if (given === undefined) return undefined;
  const lists = typeof given === 'string' ? [given] : given;
  return lists.flatMap((list) => splitOutsideBraces(list)).filter((pattern) => pattern !== '');
}

/** @throws {UsageError} unless it is a whole number from `least` on. */
export function wholeNumber(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`--${name} must be a whole number from ${least} on`);
}

function splitOutsideBraces(list: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const character of list) {
    if (character === '{') depth += 1;
    if (character === '}') depth = Math.max(0, depth - 1);
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}
