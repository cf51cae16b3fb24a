import { createMatcher } from './globs.ts';
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
  const names = [...new Set([ref, ref.replace(/^refs\/heads\//, '')])];
  const answers = new Map<string, boolean>();
  return {
    blocked({ when: { refs, levels } }) {
      if (levels && !levels.includes(level))
        return `level ${level} is not among ${levels.join(', ') || 'none'}`;
      if (refs && !anyMatches(refs, names)) return `ref ${names.at(-1)} is not among ${list(refs)}`;
      return undefined;
    },
    unchanged({ when: { changed } }) {
      if (!changed || !changedFiles || anyMatches(changed, changedFiles)) return undefined;
      return `no changed file matches ${list(changed)}`;
    },
  };

  function anyMatches(globs: readonly string[], texts: readonly string[]): boolean {
    const key = JSON.stringify([texts === names, globs]);
    let answer = answers.get(key);
    if (answer === undefined) {
      answer = globs.map(createMatcher).some((matches) => texts.some(matches));
      answers.set(key, answer);
    }
    return answer;
  }
}

const MOST_LISTED = 5;

function list(globs: readonly string[]): string {
  if (globs.length === 0) return 'none';
  const shown = globs.slice(0, MOST_LISTED).join(', ');
  return globs.length > MOST_LISTED ? `${shown} and ${globs.length - MOST_LISTED} more` : shown;
}
