import type { PushRequest } from '../../model/schema/plan.ts';

/** What `git push -o …` asked for. */
export interface PushOptions {
  readonly request: PushRequest;
  readonly project: string | undefined;
  readonly again: boolean;
  readonly hold: boolean;
  /** Nothing is to be started. */
  readonly skip: boolean;
  /** Options that mean nothing to us; others may have hooks too. */
  readonly unknown: readonly string[];
}

export const KNOWN_PUSH_OPTIONS = 'tasks=LABEL,…, rebuild=IMAGE,…, again, hold, skip, project=NAME';

/**
 * Reads the push options that git hands to hooks in GIT_PUSH_OPTION_COUNT and GIT_PUSH_OPTION_<n>. Lists may be
 * separated by commas or given by several options.
 */
export function parsePushOptions(
  env: NodeJS.ProcessEnv,
  splitList: (list: string) => readonly string[],
): PushOptions {
  const tasks: string[] = [];
  const rebuild: string[] = [];
  const unknown: string[] = [];
  let project: string | undefined;
  let again = false;
  let hold = false;
  let skip = false;
  for (const option of givenOptions(env)) {
    const [, name = option, value = ''] = /^([^=]*)=(.*)$/s.exec(option) ?? [];
    if (name === 'tasks') tasks.push(...splitList(value));
    else if (name === 'rebuild') rebuild.push(...splitList(value));
    else if (name === 'project' && value !== '') project = value;
    else if (option === 'again') again = true;
    else if (option === 'hold') hold = true;
    // The second is what GitLab calls it.
    else if (option === 'skip' || option === 'ci.skip') skip = true;
    else unknown.push(option);
  }
  const request = { ...(tasks.length > 0 ? { tasks } : {}), ...(rebuild.length > 0 ? { rebuild } : {}) };
  return { request, project, again, hold, skip, unknown };
}

function givenOptions(env: NodeJS.ProcessEnv): string[] {
  const count = Number(env.GIT_PUSH_OPTION_COUNT ?? 0);
  if (!Number.isSafeInteger(count)) return [];
  return Array.from({ length: count }, (_, n) => env[`GIT_PUSH_OPTION_${n}`]).filter(
    (option) => option !== undefined,
  );
}
