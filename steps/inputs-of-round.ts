import { InputUnavailable } from '../model/errors.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import { isResolved } from '../model/pure/states.ts';
import type { Store } from '../store/store.ts';
import type { FindInput } from './input-files.ts';
import { filesOf } from './input-files.ts';
import { findTaskLog } from './task-log.ts';

/**
 * The artifact of the newest run that has ended, or the files of a directory artifact: a task may be running again by now. Its log is
 * there also where it ended without a run.
 */
export function inputsOfRound({ tasks, artifacts }: Pick<Store, 'tasks' | 'artifacts'>): FindInput {
  return async (plan, from) => {
    const taskId = taskIdIn(plan.pushId, from.task);
    const found = await tasks.find(taskId);
    // A run of an earlier round is not what this round's dependency left.
    const record = found?.plannedAt === plan.plannedAt ? found : undefined;
    const run = record?.runs.findLast(({ state }) => isResolved(state));
    const log = record && (await findTaskLog({ artifacts }, record));
    const files = filesOf({ taskId, run, log }, from.artifact);
    if (files.length > 0) return files;
    if (!run) throw new InputUnavailable(`Task "${from.task}" has no run to take "${from.artifact}" from`);
    throw new InputUnavailable(`Task "${from.task}" has no artifact "${from.artifact}" in run ${run.run}`);
  };
}
