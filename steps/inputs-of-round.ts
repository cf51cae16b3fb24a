import { InputUnavailable } from '../model/errors.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import { isResolved } from '../model/pure/states.ts';
import type { Store } from '../store/store.ts';
import type { FindInput } from './input-files.ts';
import { filesOf } from './input-files.ts';

/** The artifact of the newest run that has ended, or the files of a directory artifact: a task may be running again by now. */
export function inputsOfRound({ tasks }: Pick<Store, 'tasks'>): FindInput {
  return async (plan, from) => {
    const taskId = taskIdIn(plan.pushId, from.task);
    const record = await tasks.find(taskId);
    const run = record?.runs.findLast(({ state }) => isResolved(state));
    // A run of an earlier round is not what this round's dependency left.
    if (!run || record?.plannedAt !== plan.plannedAt) {
      throw new InputUnavailable(`Task "${from.task}" has no run to take "${from.artifact}" from`);
    }
    const files = filesOf({ taskId, run: run.run, artifacts: run.artifacts }, from.artifact);
    if (files.length === 0)
      throw new InputUnavailable(`Task "${from.task}" has no artifact "${from.artifact}" in run ${run.run}`);
    return files;
  };
}
