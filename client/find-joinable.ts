import { NotFound } from '../model/errors.ts';
import { isResolved } from '../model/pure/states.ts';
import type { RunRecord, TaskRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import type { JoinableRun } from './api.ts';
import { readTask } from './read-task.ts';

/** @throws {NotFound} when the newest run of a task neither goes on nor is kept. */
export async function findJoinable(store: Store, taskId: string): Promise<JoinableRun> {
  const record = await readTask(store, taskId);
  const newest = record.runs.at(-1);
  if (newest?.engineId === undefined)
    throw new NotFound(`Task ${taskId} does not run now: it is ${record.state}`);
  const { run, engineId, worker = 'unknown' } = newest;
  const found = { taskId, run, engineId, worker };
  if (newest.state === 'running') return found;
  return { ...found, kept: await findKept(store, record, newest) };
}

/** What a run that was kept had. */
async function findKept(
  { pushes }: Store,
  { taskId, label, state, pushId, plannedAt }: TaskRecord,
  { keptUntil: until }: RunRecord,
): Promise<NonNullable<JoinableRun['kept']>> {
  if (until === undefined || !isResolved(state))
    throw new NotFound(`Task ${taskId} does not run now: it is ${state}`);
  if (Date.parse(until) <= Date.now())
    throw new NotFound(`Task ${taskId} is ${state}, and was kept until ${until}`);
  const plan = pushId === undefined ? undefined : await pushes.findPlan(pushId);
  const planned = plan?.tasks.find((task) => task.label === label);
  if (!plan || !planned || plan.plannedAt !== plannedAt)
    throw new NotFound(`Task ${taskId} is ${state}, and its push was planned anew since`);
  return { until, plan, planned };
}
