import { InputUnavailable } from '../model/errors.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import { isResolved } from '../model/pure/states.ts';
import type { TaskRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import type { FindInput, InputFile } from './input-files.ts';
import { filesOf } from './input-files.ts';
import type { TaskLog } from './task-log.ts';
import { findTaskLog } from './task-log.ts';

/**
 * Where a task that runs without a server finds its inputs: in the record of a push of the same revision, whatever its
 * variant; else in what a run on this machine has left. @throws {InputUnavailable} that says what to run first.
 */
export function localInputs(
  { tasks, artifacts }: Pick<Store, 'tasks' | 'artifacts'>,
  { pushes, howToRun }: { readonly pushes: readonly string[]; readonly howToRun: (label: string) => string },
): FindInput {
  return async (plan, { task, artifact, optional }) => {
    for (const pushId of [...pushes, plan.pushId]) {
      const record = await tasks.find(taskIdIn(pushId, task));
      const log = record && (await findTaskLog({ artifacts }, record));
      const found = filesIn(record, log, artifact);
      if (found.length > 0) return found;
    }
    if (optional) return [];
    throw new InputUnavailable(
      `"${artifact}" of task "${task}" is needed, and no push of this revision and no run on this machine has left it. Type first: ${howToRun(task)}`,
    );
  };
}

/** Of the newest run that has ended and left it. */
function filesIn(
  record: TaskRecord | undefined,
  log: TaskLog | undefined,
  artifact: string,
): readonly InputFile[] {
  const taskId = record?.taskId ?? '';
  const runs = record?.runs.filter(({ state }) => isResolved(state)).toReversed() ?? [];
  for (const run of runs) {
    const files = filesOf({ taskId, run, log }, artifact);
    if (files.length > 0) return files;
  }
  return filesOf({ taskId, run: undefined, log }, artifact);
}
