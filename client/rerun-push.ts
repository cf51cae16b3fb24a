import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { NotFound } from '../model/errors.ts';
import { DECISION_LABEL } from '../model/pure/decision.ts';
import { levelOf, parseId } from '../model/pure/ids.ts';
import type { PushInput } from '../model/pure/payloads.ts';
import type { Rerun } from '../model/pure/rerun.ts';
import { tasksToRerun } from '../model/pure/rerun.ts';
import { isResolved } from '../model/pure/states.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { PushDocument, PushRecord } from '../model/schema/records.ts';
import { expectGranted } from '../steps/check-rerun.ts';
import { readPush } from '../steps/read-push.ts';
import { resolveAtLevel } from '../steps/resolve-project.ts';
import type { Store } from '../store/store.ts';
import type { EndingWait, RerunOutcome } from './api.ts';
import { findEnding, pastItsEnd, untilEnded } from './ending-push.ts';
import type { StartPushDeps } from './start-push.ts';
import { untilReplaced, workflowOf } from './start-push.ts';

/** Labels that a signal names. */
const MOST_NAMED = 1_000;

/**
 * Runs tasks of a push again: a running push is told so, one that has its verdict begins a new round in which the other tasks stay as
 * they are. One that was cancelled, or whose place a newer one has taken, has its verdict soon, which is waited for. The control worker
 * asks its own configuration once more; that of here tells sooner.
 *
 * @throws {NotFound} when the push has no such task, or none that could run again: a new round that is not planned for long has none yet.
 * @throws {PushEnding}
 * @throws {NotGranted} {ProjectNotFound} when one of them may not run any more: then none of them does.
 */
export async function rerunPush(
  deps: StartPushDeps,
  { pushId, rerun, by }: { readonly pushId: string; readonly rerun: Rerun; readonly by: string },
  wait?: EndingWait,
): Promise<RerunOutcome> {
  const { store, askTemporal } = deps;
  const [record, plan] = await Promise.all([store.pushes.find(pushId), store.pushes.findPlan(pushId)]);
  if (!record || (!plan && !(await store.pushes.findUsableStatus(pushId))))
    throw new NotFound(`Push ${pushId} has not been planned yet: nothing of it has ended`);
  if (!plan) throw new NotFound(`Push ${pushId} has no tasks`);
  expectTasks(plan, rerun);
  const level = levelOf(pushId);
  const ask = async (): Promise<RerunOutcome> => {
    const status = await store.pushes.findStatus(pushId);
    const isOpen = !status || !isResolved(status.state);
    // Asked before the signal: a cancel that comes between the two comes after this.
    const ending = isOpen ? await findEnding(deps, pushId) : undefined;
    if (ending) {
      await untilEnded(deps, ending, wait);
      return ask();
    }
    const failed = rerun.tasks === 'failed' ? await failedOf(store, pushId) : [];
    const hasFailed = new Set(failed);
    expectGranted(
      deps.config,
      plan,
      tasksToRerun(plan.tasks, (label) => hasFailed.has(label), rerun),
    );
    const asked = namedBy(failed, rerun);
    expectImages(plan, asked);
    if (isOpen) {
      await askTemporal(level, (client) => client.workflow.getHandle(pushId).signal('rerun', asked));
      return { outcome: 'asked' };
    }
    const input = inputOf(deps, { record, status, rerun, by });
    const options = { ...workflowOf(pushId, input), workflowIdReusePolicy: 'ALLOW_DUPLICATE' } as const;
    await askTemporal(level, (client) => client.workflow.start('push', options));
    if (status.resolved) await untilReplaced(store, pushId, status.resolved);
    return { outcome: 'started', ...(input.round === undefined ? {} : { round: input.round }) };
  };
  try {
    // One that was ended from outside has no verdict before it is found so: it is tried again like one that is ending.
    return await pastItsEnd(ask);
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    // What stands is still the verdict of the round before.
    throw new NotFound(
      `A new round of ${pushId} has begun and is not planned yet: nothing of it has ended (slipway watch ${pushId})`,
      { cause: error },
    );
  }
}

/**
 * What failed is what the records say has: the push itself may not have heard of it yet.
 *
 * @throws {NotFound} when nothing has: what fails later was not asked for.
 */
async function failedOf(store: Store, pushId: string): Promise<readonly string[]> {
  const { tasks } = await readPush(store, pushId);
  const labels = tasks
    .filter(({ state }) => isResolved(state) && state !== 'completed')
    .map(({ label }) => label);
  if (labels.length === 0) throw new NotFound(`No task of ${pushId} has failed so far`);
  return labels;
}

function namedBy(failed: readonly string[], rerun: Rerun): Rerun {
  // The names of very many would be too long for a signal.
  return rerun.tasks !== 'failed' || failed.length > MOST_NAMED ? rerun : { ...rerun, tasks: failed };
}

function expectTasks({ pushId, tasks, decides }: Plan, rerun: Rerun): void {
  if (rerun.tasks === 'failed') return;
  for (const label of rerun.tasks) {
    const task = tasks.find((other) => other.label === label);
    if (!task) throw new NotFound(`Push ${pushId} has no task "${label}"`);
    if (task.stdout !== undefined && !decides)
      throw new NotFound(
        `"${DECISION_LABEL}" has decided which tasks there are; \`slipway push --again\` decides anew`,
      );
  }
}

/** @throws {NotFound} when the plan has no image for any of them: without a base an image is planned once and for all. */
function expectImages({ pushId, tasks, images }: Plan, asked: Rerun): void {
  if (asked.tasks === 'failed') return;
  const named = new Set(asked.tasks);
  const reasons = tasks
    .filter(({ label }) => named.has(label))
    .map(
      ({ image }) => image.type === 'in-tree' && images.find(({ name }) => name === image.name)?.unavailable,
    );
  const [reason] = reasons;
  if (typeof reason === 'string' && reasons.every((other) => typeof other === 'string'))
    throw new NotFound(
      `${pushId} was planned without an image: ${reason}. \`slipway push --again\` plans anew`,
    );
}

/** The level is the configuration's of now: what may not run at it any more does not run again. */
function inputOf(
  { config }: StartPushDeps,
  {
    record,
    status,
    rerun,
    by,
  }: {
    readonly record: PushRecord;
    readonly status: PushDocument;
    readonly rerun: Rerun;
    readonly by: string;
  },
): PushInput {
  const { pushId, project, repository, revision, request } = record;
  const { ref } = status;
  const level = levelOf(pushId);
  if (parseId(pushId)?.kind !== 'push') throw new NotFound(`"${pushId}" is no push`);
  resolveAtLevel(config, { repository, ref, project, level });
  return {
    project,
    level,
    repository,
    ref,
    revision,
    request,
    pushedBy: by,
    received: new Date().toISOString(),
    rerun,
    round: (status.round ?? 1) + 1,
  };
}
