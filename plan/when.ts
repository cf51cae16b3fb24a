import { createRefMatcher, shortRef } from '../model/pure/ref-patterns.ts';
import { ChangedPaths } from './changed-paths.ts';
import type { NormalizedTask } from './normalize.ts';
import type { Selection } from './select-tasks.ts';

/** Tells of a task why its `when` does not hold, or undefined when it does. */
export interface WhenCheck {
  /** By `refs` and `levels`: nothing lifts these. */
  blocked(task: NormalizedTask): string | undefined;
  /** By `changed`, which a selection by name and a dependent lift. */
  unchanged(task: NormalizedTask): string | undefined;
}

/** Makes the check for one push. Equal lists of globs, as defaults and anchors give them to many tasks, are matched once. */
export function createWhenCheck({ ref, level, changedFiles }: Omit<Selection, 'tasks'>): WhenCheck {
  const answers = new Map<string, boolean>();
  const isReady = changedFiles === undefined || changedFiles instanceof ChangedPaths;
  const paths = isReady ? changedFiles : new ChangedPaths(changedFiles);
  return {
    blocked({ when: { refs, levels } }) {
      if (levels && !levels.includes(level))
        return `level ${level} is not among ${levels.join(', ') || 'none'}`;
      return !refs || isAmong(refs) ? undefined : `ref ${shortRef(ref)} is not among ${list(refs)}`;
    },
    unchanged({ when: { changed } }) {
      if (changed?.length === 0) return '"changed" names no file';
      if (!changed || !paths) return undefined;
      return paths.areAmong(changed) ? undefined : `no changed file matches ${list(changed)}`;
    },
  };

  function isAmong(patterns: readonly string[]): boolean {
    const key = JSON.stringify(patterns);
    const known = answers.get(key) ?? createRefMatcher(patterns)(ref);
    answers.set(key, known);
    return known;
  }
}

const MOST_LISTED = 5;

function list(globs: readonly string[]): string {
  if (globs.length === 0) return 'none';
  const shown = globs.slice(0, MOST_LISTED).join(', ');
  return globs.length > MOST_LISTED ? `${shown} and ${globs.length - MOST_LISTED} more` : shown;
}
