import { mapConcurrently } from '../model/concurrently.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import type { GraphPage, GraphTask, LoadGraphInput } from '../model/pure/graph-pages.ts';
import { graphPage } from '../model/pure/graph-pages.ts';
import { PRIORITY_KEYS } from '../model/pure/priority.ts';
import { isResolved } from '../model/pure/states.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import type { PlanCache } from './plan-cache.ts';
import type { TaskStanding } from './push-document.ts';
import { standingOf } from './push-document.ts';
import { isOfRound } from './read-push.ts';

/** Reads of task records side by side. */
const READS_IN_FLIGHT = 32;

const COMPLETED = { state: 'completed', reason: 'completed' } as const;

/** A part of a push's graph from its plan in the store. Changes nothing. */
export async function loadGraph(
  store: Store,
  plans: PlanCache,
  { push, pushId, plannedAt, from }: LoadGraphInput,
): Promise<GraphPage> {
  const { tasks, decides } = await plans.plan(pushId, plannedAt);
  const places = new Map(tasks.map(({ label }, place) => [label, place]));
  const page = (records?: ReadonlyMap<string, TaskStanding>): GraphPage =>
    graphPage(
      tasks.map((task) => ({
        ...graphTask(task, records?.get(task.label)),
        ...(push.rerun ? endedBefore(records?.get(task.label), plannedAt) : {}),
        // What the decision program printed is planned only when that has completed.
        ...(task.stdout !== undefined && !decides ? { ended: COMPLETED } : {}),
      })),
      from,
      (label) => places.get(label) ?? -1,
    );
  const plain = page();
  if (!push.again && !push.rerun) return plain;
  const labels = plain.tasks.map(([label]) => label);
  return page(await readRecords(store, pushId, labels));
}

/** How a task ended that a round leaves as it is. */
function endedBefore(record: TaskStanding | undefined, plannedAt: string): Pick<GraphTask, 'ended'> {
  if (!record?.reason || !isResolved(record.state) || !isOfRound(record, { plannedAt })) return {};
  const { state, reason, culprit } = record;
  return { ended: { state, reason, ...(culprit === undefined ? {} : { culprit }) } };
}

async function readRecords(
  store: Store,
  pushId: string,
  labels: readonly string[],
): Promise<ReadonlyMap<string, TaskStanding>> {
  const records = new Map<string, TaskStanding>();
  const read = async (label: string): Promise<void> => {
    const record = await store.tasks.findUsable(taskIdIn(pushId, label));
    if (record) records.set(label, standingOf(record));
  };
  await mapConcurrently(labels, read, READS_IN_FLIGHT);
  return records;
}

function graphTask(task: PlannedTask, before: TaskStanding | undefined): GraphTask {
  return {
    label: task.label,
    dependencies: task.dependencies,
    requires: task.requires,
    ...(task.image.type === 'in-tree' ? { image: task.image.name } : {}),
    firstRun: nextRun(before),
    retries: task.retries,
    deadlineSeconds: task.deadlineSeconds,
    maxRunTimeSeconds: task.maxRunTimeSeconds,
    priority: PRIORITY_KEYS[task.priority],
    ...(task.dind ? { dind: true as const } : {}),
  };
}

/** Run numbers go on from what was recorded before. */
export function nextRun(record: TaskStanding | undefined): number {
  return Math.max(-1, ...(record?.runs.map(({ run }) => run) ?? [])) + 1;
}
