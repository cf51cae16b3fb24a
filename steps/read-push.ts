import { mapConcurrently } from '../model/concurrently.ts';
import { NotFound } from '../model/errors.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import type { RecordPushInput, RecordUnstartedInput } from '../model/pure/payloads.ts';
import type { TaskReason } from '../model/pure/states.ts';
import { isResolved, TASK_REASONS } from '../model/pure/states.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { PushDocument, RunRecord, TaskRecord } from '../model/schema/records.ts';
import { unlessUnreadable } from '../store/json-object.ts';
import type { Store } from '../store/store.ts';
import { PlanCache } from './plan-cache.ts';
import type { TaskStanding } from './push-document.ts';
import { composeDocument, composeLateEnds, imageText, standingOf } from './push-document.ts';
import { ensureReceived } from './receive-push.ts';
import { recordUnbuilt } from './record-unbuilt.ts';
import type { EndLogContext } from './run-log.ts';
import { endLog } from './run-log.ts';
import type { StepContext } from './step-context.ts';
import { expectNotGivenUp } from './step-context.ts';

/** Reads of task records side by side. */
const READS_IN_FLIGHT = 32;

/**
 * The document of a push as it stands now: from its record when resolved, else with the tasks' own records. A push that was cancelled
 * waits for its tasks, and not for ever: those that had no end when it got its verdict have it by their own records, or will.
 *
 * @param of labels of the tasks whose own records are read; others stand as if they had none. Default: all of them.
 */
export async function readPush(store: Store, pushId: string, of?: readonly string[]): Promise<PushDocument> {
  const status = await store.pushes.findStatus(pushId);
  if (status && isResolved(status.state)) return withLateEnds(store, status, of);
  const record = await store.pushes.find(pushId);
  if (!record) throw new NotFound(`No push ${pushId}`);
  const plan = await store.pushes.findPlan(pushId);
  const findings = status?.findings ?? [];
  const taskRecords = plan
    ? await readTaskRecords(store, pushId, only(plan, of))
    : new Map<string, TaskStanding>();
  return composeDocument({ record, plan, findings, outcomes: status?.images ?? [], taskRecords });
}

/** What cannot be read keeps nobody from reading the verdict. */
async function withLateEnds(
  store: Store,
  status: PushDocument,
  of: readonly string[] | undefined,
): Promise<PushDocument> {
  const open = status.tasks.filter(({ state }) => !isResolved(state)).map(({ label }) => label);
  if (open.length === 0) return status;
  const plan = await unlessUnreadable(store.pushes.findPlan(status.id));
  if (!plan) return status;
  const asked = only(only(plan, open), of);
  const records = await unlessUnreadable(readTaskRecords(store, status.id, asked));
  return records ? composeLateEnds(status, asked, records) : status;
}

function only(plan: Plan, labels: readonly string[] | undefined): Plan {
  if (labels === undefined) return plan;
  const named = new Set(labels);
  return { ...plan, tasks: plan.tasks.filter(({ label }) => named.has(label)) };
}

/**
 * Writes the push's record: as it stands, or with its verdict. One that ended before it was planned gets its record here; a round that
 * ended before it began leaves images and tasks as they are.
 */
export async function recordPush(
  store: Store,
  input: RecordPushInput,
  context: Pick<StepContext, 'isGivenUp'> = {},
  plans = new PlanCache(store),
): Promise<void> {
  const { push, pushId } = input;
  const record = await ensureReceived(store, { push, pushId });
  const hasNotBegun = input.plannedAt === '';
  const standing = hasNotBegun && push?.rerun ? await store.pushes.findStatus(pushId) : undefined;
  const before = standing && (await store.pushes.findPlan(pushId));
  const plan = hasNotBegun ? before : await plans.plan(pushId, input.plannedAt);
  // While it runs, readers take the tasks' states from the tasks' own records.
  const taskRecords =
    plan && input.verdict ? await readTaskRecords(store, pushId, plan) : new Map<string, TaskStanding>();
  const findings = plan?.warnings ?? [];
  const { verdict } = input;
  if (plan && !standing) await recordUnbuilt(store, { plan, outcomes: input.images }, context);
  const outcomes = standing?.images ?? input.images;
  const document = composeDocument({ record, plan, findings, outcomes, taskRecords, verdict });
  await store.pushes.writeStatus(document, () => expectNotGivenUp(context));
}

/**
 * Records tasks that end without a run of their own: an obstacle, a cancelled push, or a workflow that was ended from outside.
 * A verdict of this round that stands is left alone.
 */
export async function recordUnstarted(
  store: Store,
  plans: PlanCache,
  input: RecordUnstartedInput,
  context: EndLogContext = {},
): Promise<void> {
  const now = new Date().toISOString();
  const record = async ({
    label,
    reason,
    culprit,
    detail,
  }: RecordUnstartedInput['tasks'][number]): Promise<void> => {
    const task = await plans.task(input.pushId, input.plannedAt, label);
    const id = taskIdIn(input.pushId, label);
    await store.tasks.change(id, async (present) => {
      if (present && isOfRound(present, input) && isResolved(present.state)) return present;
      const runs: RunRecord[] = [];
      for (const run of present?.runs ?? []) {
        const ended = { reason, ...(detail ? { detail } : {}), resolved: now };
        runs.push(isResolved(run.state) ? run : await endRun(store, id, run, { ended, context }));
      }
      expectNotGivenUp(context);
      return {
        version: 1,
        taskId: id,
        label,
        pushId: input.pushId,
        plannedAt: input.plannedAt,
        image: imageText(task),
        state: TASK_REASONS[reason].state,
        reason,
        ...(culprit ? { culprit } : {}),
        ...(detail ? { detail } : {}),
        created: present?.created ?? now,
        resolved: now,
        ...(present && isOfRound(present, input) ? { firstRun: present.firstRun } : {}),
        runs,
      };
    });
  };
  await mapConcurrently(input.tasks, record, READS_IN_FLIGHT);
}

/** A run that was left open when its task was ended from outside ends with it, and its log too: a reader would wait for ever. */
async function endRun(
  store: Store,
  taskId: string,
  open: RunRecord,
  {
    ended,
    context,
  }: {
    readonly ended: { readonly reason: TaskReason; readonly detail?: string; readonly resolved: string };
    readonly context: EndLogContext;
  },
): Promise<RunRecord> {
  const { run } = open;
  const { state } = TASK_REASONS[ended.reason];
  const why = ended.detail ? `: ${ended.detail}` : '';
  const message = `Run ${run} ended: ${state}/${ended.reason}${why}. The task is resolved.`;
  const log = await endLog(store, { taskId, run }, { message, kind: 'error' }, context);
  const artifacts = [...open.artifacts.filter(({ name }) => name !== log.name), log];
  return { ...open, ...ended, state, artifacts };
}

/** A record from an earlier round says nothing about this one. Not by its times: clocks of machines differ, and jump. */
export function isOfRound(
  record: Pick<TaskRecord, 'plannedAt'>,
  { plannedAt }: Pick<Plan, 'plannedAt'>,
): boolean {
  return record.plannedAt === plannedAt;
}

/** How a push's tasks of this round stand, by label. One whose record is damaged counts as not begun: it must not keep its push from ending. */
export async function readTaskRecords(
  store: Store,
  pushId: string,
  plan: Plan,
): Promise<ReadonlyMap<string, TaskStanding>> {
  const records = new Map<string, TaskStanding>();
  const read = async ({ label }: { readonly label: string }): Promise<void> => {
    const record = await store.tasks.findUsable(taskIdIn(pushId, label));
    if (record && isOfRound(record, plan)) records.set(label, standingOf(record));
  };
  await mapConcurrently(plan.tasks, read, READS_IN_FLIGHT);
  return records;
}
