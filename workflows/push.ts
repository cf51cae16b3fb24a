import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  ContinueAsNew,
  isCancellation,
  patched,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { parseId } from '../model/pure/ids.ts';
import type { PushInput } from '../model/pure/payloads.ts';
import type { PushVerdict } from '../model/pure/push-verdict.ts';
import { SLIPWAY_STATE } from '../model/pure/search-attributes.ts';
import type { PushReason } from '../model/pure/states.ts';
import { PUSH_REASONS } from '../model/pure/states.ts';
import type { PushCarry, RunningPush } from './carry-out-push.ts';
import { carryOutPush } from './carry-out-push.ts';
import { showPush } from './current-details.ts';
import { failureDetail, pushReason } from './failures.ts';
import {
  cancelTasksSignal,
  imageResolvedSignal,
  openWorkQuery,
  rerunSignal,
  supersededSignal,
  taskResolvedSignal,
} from './messages.ts';
import { cancelTasks, takeBackImages } from './push-children.ts';
import { recordUnstarted, recordVerdict } from './push-records.ts';
import { TaskRequests } from './task-requests.ts';

export interface PushOutcome {
  readonly state: 'completed' | 'failed' | 'exception';
  readonly reason: PushReason;
}

/**
 * One push: plan → images → tasks → verdict and record. Owns its graph for ever.
 *
 * Id `push/<project>/<level>/<revision>[~<variant>]`. Started by a client or hook; leaves the push's plan and record in
 * the store, whatever happens. Ends as cancelled when it was cancelled, else with its verdict as result.
 */
export async function push(input: PushInput, carry?: PushCarry): Promise<PushOutcome> {
  const pushId = workflowInfo().workflowId;
  // The id says where the records lie: a start that claims another level than its id must leave none there.
  if (parseId(pushId)?.level !== input.level)
    throw ApplicationFailure.nonRetryable(`${pushId} is not the id of a push of level ${input.level}`);
  const running: RunningPush = {
    input,
    pushId,
    doing: input.rerun ? 'Being opened again' : 'Being planned',
    early: [],
    requests: new TaskRequests(carry?.reruns),
    later: new Set(),
    held: new Set(carry?.held),
    began: carry?.deadlines ?? { beganMs: workflowInfo().startTime.getTime() },
  };
  if (carry) running.planned = carry.planned;
  showPush(running);
  // Replay: signals that came before the graph stands are dispatched by setHandler itself, so they are kept for it.
  setHandler(taskResolvedSignal, (resolved) => {
    if (!running.graph) return void running.early.push(resolved);
    running.graph.resolveTask(resolved);
    showPush(running);
  });
  setHandler(imageResolvedSignal, (resolved) => {
    if (!running.images) return void running.early.push(resolved);
    running.images.resolve(resolved);
    showPush(running);
  });
  setHandler(rerunSignal, (rerun) => running.requests.add({ rerun }));
  setHandler(cancelTasksSignal, ({ labels }) => running.requests.add({ labels }));
  const scope = new CancellationScope();
  let hasEnded = false;
  let supersededBy: string | undefined;
  const isEnding = (): boolean => hasEnded || scope.consideredCancelled;
  setHandler(openWorkQuery, () => ({
    pushId,
    plannedAt: running.planned?.plannedAt ?? '',
    tasks: running.graph?.startedLabels ?? [],
    images: running.images?.asked ?? [],
    ...(isEnding() ? { isEnding: true } : {}),
    ...(supersededBy === undefined ? {} : { supersededBy }),
  }));
  setHandler(supersededSignal, ({ by }) => {
    // One that ends already ends for a reason of its own.
    if (!isEnding()) supersededBy = by;
    scope.cancel();
  });
  try {
    return conclude(running, await scope.run(() => carryOutPush(running, carry)));
  } catch (error) {
    // The next run would hear nothing of a cancel of this one.
    const mayGoOn = (): boolean => !scope.consideredCancelled || !patched('cancelled-before-new-run');
    if (error instanceof ContinueAsNew && mayGoOn()) throw error;
    hasEnded = true;
    // An activity that timed out while it was being cancelled says so and not that it was cancelled.
    const isCancelled = isCancellation(error) || scope.consideredCancelled;
    const verdict = isCancelled ? cancelled(supersededBy) : failed(error);
    await CancellationScope.nonCancellable(() => windDown(running, verdict));
    const outcome = conclude(running, verdict.reason);
    // Whoever cancelled the workflow sees it end so; a newer push ended this one by its own rules.
    if (!isCancelled || supersededBy !== undefined) return outcome;
    throw isCancellation(error) ? error : new CancelledFailure('The push was cancelled');
  }
}

function cancelled(supersededBy: string | undefined): PushVerdict {
  return {
    reason: 'canceled',
    ...(supersededBy ? { detail: `A newer push takes its place: ${supersededBy}`, supersededBy } : {}),
  };
}

function failed(error: unknown): PushVerdict {
  return { reason: pushReason(error), detail: failureDetail(error) };
}

/** Ends a push before its time: takes everything back, waits for what was running, writes the record. */
async function windDown(running: RunningPush, verdict: PushVerdict): Promise<void> {
  const { input, pushId, planned, graph, images } = running;
  showPush(running, `Ending ${verdict.reason}`);
  if (graph && images && planned) {
    await takeBackImages(images.openTaskIds, pushId);
    images.cancelOpen();
    graph.abandonWaiting(verdict.reason === 'canceled' ? 'canceled' : 'internal-error');
    await cancelTasks(graph.openLabels, { push: input, pushId });
    // A task that does not answer (terminated by hand, its machine gone for good) must not keep the push open.
    await condition(() => graph.isDone, '5m');
    const { plannedAt } = planned;
    await recordUnstarted(input, { pushId, plannedAt, tasks: graph.takeNeverStarted() });
  }
  await recordVerdict(input, planned, { images: images?.outcomes ?? [], verdict });
}

function conclude(running: RunningPush, reason: PushReason): PushOutcome {
  const { state } = PUSH_REASONS[reason];
  showPush(running, `Ended ${reason}`);
  upsertSearchAttributes([{ key: SLIPWAY_STATE, value: state }]);
  return { state, reason };
}
