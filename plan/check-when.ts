import type { DraftTask } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { readPattern } from '../model/pure/pattern-lists.ts';
import { globMistake } from './globs.ts';
import { shorten } from '../model/shorten.ts';

/** Checks the conditions of a task: that they can be read, and can hold. */
export function checkWhen(task: DraftTask, list: FindingList): void {
  const { when = {} } = task.merged;
  for (const field of ['refs', 'levels'] as const) {
    if (when[field]?.length === 0) {
      list.warning(task.path('when', field), `when.${field} is empty, so the condition never holds`, {
        hint: 'leave it out if it is not meant',
      });
    }
  }
  for (const field of ['changed', 'refs'] as const) {
    for (const [index, glob] of (when[field] ?? []).entries()) {
      const mistake = globMistake(glob, field === 'refs' ? 'refs' : 'paths');
      if (mistake) list.error(task.path('when', field, index), `the glob "${shorten(glob)}" ${mistake}`);
      else if (field === 'changed') checkReach(glob, index);
    }
  }

  /** Changed files are paths from the root of the tree, and no directories. */
  function checkReach(pattern: string, index: number): void {
    const { pattern: glob, isNegated } = readPattern(pattern);
    const path = task.path('when', 'changed', index);
    const not = isNegated ? '!' : '';
    if (glob.startsWith('/'))
      list.warning(path, 'no changed file begins with "/"', {
        hint: `write "${not}${shorten(glob.replace(/^\/+/, ''))}"`,
      });
    else if (glob.startsWith('../'))
      list.warning(path, 'no changed file begins with "../"', {
        hint: 'write a path from the root of the tree',
      });
    else if (glob.endsWith('/'))
      list.warning(path, 'no changed file ends with "/"', { hint: `write "${not}${shorten(glob)}**"` });
  }
}
