import { createRefMatcher, shortRef } from '../model/pure/ref-patterns.ts';
import { createGlobsMatcher } from './globs.ts';
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
  return {
    blocked({ when: { refs, levels } }) {
      if (levels && !levels.includes(level))
        return `level ${level} is not among ${levels.join(', ') || 'none'}`;
      const isAmong = !refs || answerOnce('refs', refs, () => createRefMatcher(refs)(ref));
      return isAmong ? undefined : `ref ${shortRef(ref)} is not among ${list(refs)}`;
    },
    unchanged({ when: { changed } }) {
      if (!changed || !changedFiles) return undefined;
      const isChanged = answerOnce('changed', changed, () => changedFiles.some(createGlobsMatcher(changed)));
      return isChanged ? undefined : `no changed file matches ${list(changed)}`;
    },
  };

  function answerOnce(field: 'refs' | 'changed', globs: readonly string[], answer: () => boolean): boolean {
    const key = JSON.stringify([field, globs]);
    const known = answers.get(key) ?? answer();
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
