import { mapConcurrently } from '../model/concurrently.ts';
import { InternalError, isSlipwayError, NotFound } from '../model/errors.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import type { PlannedPush } from '../model/pure/payloads.ts';
import type { ReopenPushInput, Rerun, SetBackInput } from '../model/pure/rerun.ts';
import { REFUSED, tasksToRerun } from '../model/pure/rerun.ts';
import { isResolved } from '../model/pure/states.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { TaskRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { expectGranted, expectNoneRefused, findWithdrawn } from './check-rerun.ts';
import { imagesAgain } from './images-again.ts';
import { nextRun } from './load-graph.ts';
import type { TaskStanding } from './push-document.ts';
import { composeDocument } from './push-document.ts';
import { readTaskRecords } from './read-push.ts';
import { ensureReceived, receivePush } from './receive-push.ts';
import type { StepContext } from './step-context.ts';
import { expectNotGivenUp } from './step-context.ts';

export interface SetBackDeps {
  readonly store: Store;
  /** As it is now: what was granted when the push was planned says nothing. */
  readonly readServerConfig: () => Promise<ServerConfig>;
}

/** Records that are written side by side. */
const WRITES_IN_FLIGHT = 32;

/**
 * Opens a push again that has its verdict: sets back the tasks that shall run again and leaves the others as they are. Its plan
 * stays. Safe to repeat as long as none of the tasks has begun.
 *
 * @throws {NotGranted} {ProjectNotFound} when one of the tasks may not run any more: then none is set back.
 */
export async function reopenPush(
  { store, readServerConfig }: SetBackDeps,
  { push, pushId, rerun }: ReopenPushInput,
  context: Pick<StepContext, 'isGivenUp' | 'signal'>,
): Promise<Extract<PlannedPush, { outcome: 'planned' }>> {
  const [plan, before] = await Promise.all([store.pushes.findPlan(pushId), store.pushes.findStatus(pushId)]);
  if (!plan || !before) throw new InternalError(`Push ${pushId} has no plan by which a task could run again`);
  // First of all: a round that is refused is one, too, and whoever asked for it waits for its number.
  const record = await receivePush(store, { push, pushId }, plan.domain);
  const records = await readTaskRecords(store, pushId, plan);
  const labels = labelsAgain(plan, records, rerun);
  expectGranted(await readServerConfig(), plan, labels);
  await setBackTasks(store, { pushId, plannedAt: plan.plannedAt, labels }, context);
  const taskRecords = await readTaskRecords(store, pushId, plan);
  const document = composeDocument({
    record,
    plan,
    findings: plan.warnings,
    outcomes: before.images,
    taskRecords,
  });
  await store.pushes.writeStatus(document, () => expectNotGivenUp(context));
  const { signal } = context;
  return {
    outcome: 'planned',
    plannedAt: plan.plannedAt,
    images: await imagesAgain(store, plan, { images: before.images, labels: new Set(labels), signal }),
    ...(plan.decides ? { decides: true } : {}),
  };
}

/**
 * Sets tasks back that have ended, and gives the numbers that their next runs have; of one that may not run any more it gives
 * {@link REFUSED}, and its record says why. A push that has its verdict by then is running again. Safe to repeat as long as none of
 * the tasks has begun.
 *
 * @throws {NotGranted} when there is one that may not, and whoever asks does not know of that.
 */
export async function setBack(
  { store, readServerConfig }: SetBackDeps,
  input: SetBackInput,
  context: Pick<StepContext, 'isGivenUp'>,
): Promise<readonly number[]> {
  const plan = await store.pushes.findPlan(input.pushId);
  if (!plan) throw new NotFound(`No push ${input.pushId}`);
  const refused = await findRefused(readServerConfig, plan, input.labels);
  if (!input.mayRefuse) expectNoneRefused(refused);
  const labels = input.labels.filter((label) => !refused.has(label));
  const numbers = await setBackTasks(store, { ...input, labels }, context);
  const runs = new Map(labels.map((label, at) => [label, numbers[at] ?? 0]));
  await noteRefused(store, input.pushId, { refused, context });
  const answer = input.labels.map((label) => runs.get(label) ?? REFUSED);
  if (labels.length === 0) return answer;
  const [record, status] = await Promise.all([
    ensureReceived(store, { push: input.push, pushId: input.pushId }),
    store.pushes.findStatus(input.pushId),
  ]);
  if (!status || !isResolved(status.state)) return answer;
  const taskRecords = await readTaskRecords(store, input.pushId, plan);
  const document = composeDocument({
    record,
    plan,
    findings: plan.warnings,
    outcomes: status.images,
    taskRecords,
  });
  await store.pushes.writeStatus(document, () => expectNotGivenUp(context));
  return answer;
}

/** Those that are meant, and those of whose end there is no record: to the round's graph they have not begun, so that they run too. */
function labelsAgain(
  { tasks, decides }: Plan,
  records: ReadonlyMap<string, TaskStanding>,
  rerun: Rerun,
): readonly string[] {
  const meant = new Set(tasksToRerun(tasks, (label) => records.get(label)?.state !== 'completed', rerun));
  const hasEnded = (label: string): boolean => {
    const { reason, state } = records.get(label) ?? {};
    return reason !== undefined && state !== undefined && isResolved(state);
  };
  return tasks
    .filter(
      ({ label, stdout }) => meant.has(label) || !(hasEnded(label) || (stdout !== undefined && !decides)),
    )
    .map(({ label }) => label);
}

/** All of them while there is no configuration that says otherwise: a push that runs goes on without what it asked for again. */
async function findRefused(
  readServerConfig: SetBackDeps['readServerConfig'],
  plan: Plan,
  labels: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  try {
    return findWithdrawn(await readServerConfig(), plan, labels);
  } catch (error) {
    if (!isSlipwayError(error) || error.retryable) throw error;
    return new Map(labels.map((label) => [label, error.message]));
  }
}

async function noteRefused(
  store: Store,
  pushId: string,
  {
    refused,
    context,
  }: { readonly refused: ReadonlyMap<string, string>; readonly context: Pick<StepContext, 'isGivenUp'> },
): Promise<void> {
  const note = async ([label, why]: readonly [string, string]): Promise<void> => {
    const taskId = taskIdIn(pushId, label);
    const present = await store.tasks.findUsable(taskId);
    if (!present) return;
    const told = `Not run again: ${why}`;
    await store.tasks.change(taskId, (now): TaskRecord => {
      expectNotGivenUp(context);
      const record = now ?? present;
      if (record.detail?.endsWith(told)) return record;
      return { ...record, detail: record.detail === undefined ? told : `${record.detail}; ${told}` };
    });
  };
  await mapConcurrently(refused, note, WRITES_IN_FLIGHT);
}

function setBackTasks(
  store: Store,
  { pushId, labels }: SetBackInput,
  context: Pick<StepContext, 'isGivenUp'>,
): Promise<readonly number[]> {
  const setBackOne = async (label: string): Promise<number> => {
    const taskId = taskIdIn(pushId, label);
    const present = await store.tasks.findUsable(taskId);
    // One that never began has no record, and needs none.
    if (!present) return 0;
    await store.tasks.change(taskId, (now) => {
      expectNotGivenUp(context);
      const {
        reason: _reason,
        detail: _detail,
        culprit: _culprit,
        resolved: _resolved,
        firstRun: _firstRun,
        ...rest
      } = now ?? present;
      return { ...rest, state: 'unscheduled' };
    });
    return nextRun(present);
  };
  return mapConcurrently(labels, setBackOne, WRITES_IN_FLIGHT);
}
