import type { Readable } from 'node:stream';
import { InternalError } from '../model/errors.ts';
import { DECISION_LABEL, TASK_GRAPH } from '../model/pure/decision.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import type { ImageOutcome } from '../model/pure/payloads.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { TaskRecord } from '../model/schema/records.ts';
import type { Printed } from '../plan/join-printed.ts';
import type { Store } from '../store/store.ts';

/** Longer texts are refused when they are read; no more of one is held in memory. */
const MOST_BYTES = 64_000_000;

/** A push whose decision program has completed: what it printed, and what was planned and built for it. */
export interface Decided {
  readonly printed: Printed;
  readonly plan: Plan;
  readonly outcomes: readonly ImageOutcome[];
  readonly record: TaskRecord;
}

/** What the decision program of a push has left in the store. */
export async function readDecided(store: Store, pushId: string, signal: AbortSignal): Promise<Decided> {
  const taskId = taskIdIn(pushId, DECISION_LABEL);
  const [record, plan, status] = await Promise.all([
    store.tasks.find(taskId),
    store.pushes.findPlan(pushId),
    store.pushes.findStatus(pushId),
  ]);
  const run = record?.runs.at(-1);
  if (!record || !run || !plan)
    throw new InternalError(`${taskId} has completed, but its record is not there`);
  const body = await store.artifacts.read(taskId, run.run, TASK_GRAPH, signal);
  const printed = { text: await readText(body), file: `${DECISION_LABEL}/${TASK_GRAPH}` };
  const outcomes = (status?.images ?? []).filter(({ outcome }) => outcome !== 'not-needed');
  return { printed, plan, outcomes, record };
}

/** The second plan of a push, with what was built for its decision program as the first plan had it. */
export function afterDecision(plan: Plan, { plan: first }: Pick<Decided, 'plan'>): Plan {
  const known = new Map(
    // What the decision program did not need a task may need now.
    first.images.filter(({ action }) => action !== 'not-needed').map((image) => [image.taskId, image]),
  );
  return { ...plan, images: plan.images.map((image) => known.get(image.taskId) ?? image) };
}

/** The decision program's record counts for the second plan as it did for the first. */
export async function keepDecision(
  store: Store,
  { pushId, plannedAt }: Plan,
  signal: AbortSignal,
): Promise<void> {
  await store.tasks.change(taskIdIn(pushId, DECISION_LABEL), (present) => {
    signal.throwIfAborted();
    if (!present) throw new InternalError(`The record of the decision program of ${pushId} is gone`);
    return present.plannedAt === plannedAt ? present : { ...present, plannedAt };
  });
}

async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MOST_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
