import { InputUnavailable } from '../model/errors.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import { isResolved } from '../model/pure/states.ts';
import type { TaskRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import type { FindInput, InputFile } from './input-files.ts';
import { filesOf } from './input-files.ts';

/**
 * Where a task that runs without a server finds its inputs: in the record of a push of the same revision, whatever its
 * variant; else in what a run on this machine has left. @throws {InputUnavailable} that says what to run first.
 */
export function localInputs(
  { tasks }: Pick<Store, 'tasks'>,
  { pushes, howToRun }: { readonly pushes: readonly string[]; readonly howToRun: (label: string) => string },
): FindInput {
  return async (plan, { task, artifact }) => {
    for (const pushId of [...pushes, plan.pushId]) {
      const found = filesIn(await tasks.find(taskIdIn(pushId, task)), artifact);
      if (found.length > 0) return found;
    }
    throw new InputUnavailable(
      `"${artifact}" of task "${task}" is needed, and no push of this revision and no run on this machine has left it. Type first: ${howToRun(task)}`,
    );
  };
}

/** Of the newest run that has ended and left it. */
function filesIn(record: TaskRecord | undefined, artifact: string): readonly InputFile[] {
  for (const { run, state, artifacts } of record?.runs.toReversed() ?? []) {
    const files = isResolved(state)
      ? filesOf({ taskId: record?.taskId ?? '', run, artifacts }, artifact)
      : [];
    if (files.length > 0) return files;
  }
  return [];
}
