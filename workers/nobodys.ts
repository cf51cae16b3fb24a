import { LABEL } from '../docker/labels.ts';
import type { Labelled } from '../docker/volumes.ts';
import { isResolved } from '../model/pure/states.ts';
import type { Level } from '../model/pure/ids.ts';
import type { TaskRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';

/**
 * Whether a task's container of this level, or what else is labelled so, belongs to no run that counts: its run is resolved or superseded,
 * and it is not kept any more; or the task has no record, and what was found is older than records are kept that nobody uses
 * (`lifeMs`): a run that goes on has one.
 */
export async function isNobodys(
  store: Store,
  { labels, createdMs }: Pick<Labelled, 'labels' | 'createdMs'>,
  { level, lifeMs }: { readonly level: Level; readonly lifeMs: number },
): Promise<boolean> {
  const taskId = labels[LABEL.task];
  const run = Number(labels[LABEL.run]);
  if (taskId === undefined || !Number.isInteger(run) || labels[LABEL.level] !== String(level)) return false;
  const record = await store.tasks.find(taskId);
  if (!record) return createdMs !== undefined && Date.now() - createdMs > lifeMs;
  if (isKept(record, run)) return false;
  if (isResolved(record.state)) return true;
  return record.runs.some((other) => other.run > run || (other.run === run && isResolved(other.state)));
}

/** Whether the task has ended with this run, and its container's time is not over. */
function isKept({ state, runs }: TaskRecord, run: number): boolean {
  const newest = runs.at(-1);
  if (!isResolved(state) || newest?.run !== run || newest.keptUntil === undefined) return false;
  return Date.parse(newest.keptUntil) > Date.now();
}
