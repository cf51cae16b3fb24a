import { LABEL } from '../docker/labels.ts';
import { isResolved } from '../model/pure/states.ts';
import type { Level } from '../model/pure/ids.ts';
import type { Store } from '../store/store.ts';

/** Whether a task's container of this level belongs to no run that counts: its run is resolved or superseded. */
export async function isNobodys(
  store: Store,
  labels: Readonly<Record<string, string>>,
  level: Level,
): Promise<boolean> {
  const taskId = labels[LABEL.task];
  const run = Number(labels[LABEL.run]);
  if (taskId === undefined || !Number.isInteger(run) || labels[LABEL.level] !== String(level)) return false;
  const record = await store.tasks.find(taskId);
  if (!record) return false;
  if (isResolved(record.state)) return true;
  return record.runs.some((other) => other.run > run || (other.run === run && isResolved(other.state)));
}
