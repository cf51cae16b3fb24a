import { InputUnavailable } from '../model/errors.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import type { FindInput, LeftByTask } from './input-files.ts';
import { filesOf } from './input-files.ts';
import { newestEnded, ofRound } from './run-of-round.ts';
import { findTaskLog } from './task-log.ts';

/**
 * The artifact of the newest run that has ended, or the files of a directory artifact. Its log is there also where it ended without a
 * run. For the inputs of one task: the record of each dependency is read once.
 */
export function inputsOfRound(store: Pick<Store, 'tasks' | 'artifacts'>): FindInput {
  const known = new Map<string, Promise<LeftByTask>>();
  return async (plan, from) => {
    const taskId = taskIdIn(plan.pushId, from.task);
    const asked = known.get(taskId) ?? leftBy(store, taskId, plan);
    known.set(taskId, asked);
    const left = await asked;
    const files = filesOf(left, from.artifact);
    if (files.length > 0 || from.optional) return files;
    const { run } = left;
    if (!run) throw new InputUnavailable(`Task "${from.task}" has no run to take "${from.artifact}" from`);
    throw new InputUnavailable(`Task "${from.task}" has no artifact "${from.artifact}" in run ${run.run}`);
  };
}

async function leftBy(
  { tasks, artifacts }: Pick<Store, 'tasks' | 'artifacts'>,
  taskId: string,
  plan: Pick<Plan, 'plannedAt'>,
): Promise<LeftByTask> {
  const record = ofRound(await tasks.find(taskId), plan);
  const run = newestEnded(record);
  const log = record && (await findTaskLog({ artifacts }, record));
  return { taskId, run: run && { run: run.run, artifacts: run.artifacts }, log };
}
