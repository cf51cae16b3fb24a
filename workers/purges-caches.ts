import { LABEL } from '../docker/labels.ts';
import { purgesCaches as isPurgedBy } from '../steps/run-volumes.ts';
import type { Store } from '../store/store.ts';

/**
 * Whether the caches that a run had are to be removed by whoever finds them: its command came to an exit code that says so, and what
 * was to save its artifacts then, and to give them back, did not come to its end.
 */
export async function purgesCaches(
  { tasks, pushes }: Pick<Store, 'tasks' | 'pushes'>,
  labels: Readonly<Record<string, string>>,
): Promise<boolean> {
  const taskId = labels[LABEL.task];
  const record = taskId === undefined ? undefined : await tasks.find(taskId);
  const ended = record?.runs.find(({ run }) => String(run) === labels[LABEL.run]);
  if (ended?.exitCode === undefined || record?.pushId === undefined) return false;
  const plan = await pushes.findPlan(record.pushId);
  const planned = plan?.tasks.find(({ label }) => label === record.label);
  return planned !== undefined && isPurgedBy(planned, ended.exitCode);
}
