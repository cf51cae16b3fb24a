import { isResolved } from '../model/pure/states.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { RunRecord, TaskRecord } from '../model/schema/records.ts';

/** A task's record where it is of this round; what it is of an earlier one is not what this round's task has left. */
export function ofRound(
  record: TaskRecord | undefined,
  { plannedAt }: Pick<Plan, 'plannedAt'>,
): TaskRecord | undefined {
  return record?.plannedAt === plannedAt ? record : undefined;
}

/** The newest run that has ended: the task may be running again by now. */
export function newestEnded(record: TaskRecord | undefined): RunRecord | undefined {
  return record?.runs.findLast(({ state }) => isResolved(state));
}
