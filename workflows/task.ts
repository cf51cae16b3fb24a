import {
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  sleep,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { RecordRunInput, TaskInput, TaskResolved } from '../model/pure/payloads.ts';
import { pauseAfterRuns } from '../model/pure/run-ends.ts';
import type { TaskReason } from '../model/pure/states.ts';
import { TASK_REASONS } from '../model/pure/states.ts';
import { recordActivities } from './activity-proxies.ts';
import { carryOutRun } from './run.ts';
import { taskResolvedSignal } from './messages.ts';
import { SLIPWAY_STATE } from '../model/pure/search-attributes.ts';

/**
 * The runs of one task, numbered, until it is resolved.
 *
 * Id `task/<project>/<level>/<revision>[~<variant>]/<label>`, which is the taskId. Started by the push with parent-close
 * policy ABANDON once its image and dependencies are there; leaves the task's record and log, and tells the push.
 */
export async function task(input: TaskInput): Promise<TaskResolved> {
  let deadlineExceeded = false;
  const runs = new CancellationScope();
  // Replay: one timer a task, never awaited; it is forgotten when the workflow ends.
  void sleep(input.deadlineSeconds * 1000).then(
    () => {
      deadlineExceeded = true;
      runs.cancel();
    },
    () => undefined,
  );

  let ended: RecordRunInput;
  for (let run = input.firstRun; ; run++) {
    ended = await endRun({ task: input, run }, runs, () => deadlineExceeded);
    const lastRun = input.firstRun + input.retries;
    if (TASK_REASONS[ended.reason].after === 'final' || run >= lastRun) break;
    await record({ ...ended, final: false });
    try {
      const pauseMs = pauseAfterRuns(run - input.firstRun + 1);
      await runs.run(() => sleep(pauseMs, { summary: `run ${run} ended ${ended.reason}` }));
    } catch (error) {
      if (!isCancellation(error)) throw error;
      ended = { ...ended, state: 'exception', reason: deadlineExceeded ? 'deadline-exceeded' : 'canceled' };
      break;
    }
  }
  const resolved: TaskResolved = { label: input.label, state: ended.state, reason: ended.reason };
  await CancellationScope.nonCancellable(async () => {
    upsertSearchAttributes([{ key: SLIPWAY_STATE, value: resolved.state }]);
    await record({ ...ended, final: true });
    await getExternalWorkflowHandle(input.pushId)
      .signal(taskResolvedSignal, resolved)
      .catch(() => log.info('The push is gone', { pushId: input.pushId }));
  });
  return resolved;
}

async function endRun(
  coordinates: { readonly task: TaskInput; readonly run: number },
  runs: CancellationScope,
  isLate: () => boolean,
): Promise<RecordRunInput> {
  const ended = await runs.run(() => carryOutRun(coordinates));
  // A machine that is lost while its run is being cancelled need not be replaced.
  const isStopped =
    ended.reason === 'canceled' || (runs.consideredCancelled && TASK_REASONS[ended.reason].after === 'retry');
  const stopped: TaskReason = isLate() ? 'deadline-exceeded' : 'canceled';
  const reason = isStopped ? stopped : ended.reason;
  return { ...coordinates, ...ended, reason, state: TASK_REASONS[reason].state, final: true };
}

function record(input: RecordRunInput): Promise<void> {
  // The push must hear of the end, even when it could not be recorded.
  return CancellationScope.nonCancellable(() =>
    recordActivities(input.task.level)
      .recordRun(input)
      .catch((error: unknown) => log.error('The end of a run was not recorded', { error })),
  );
}
