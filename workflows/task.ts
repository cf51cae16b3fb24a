import {
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  patched,
  sleep,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { RecordRunInput, TaskInput, TaskResolved, UnstartedTask } from '../model/pure/payloads.ts';
import { pauseAfterRuns } from '../model/pure/run-ends.ts';
import type { TaskReason } from '../model/pure/states.ts';
import { TASK_REASONS } from '../model/pure/states.ts';
import { recordActivities } from './activity-proxies.ts';
import { quoted, runName, show } from './current-details.ts';
import { deadlineDetail } from './deadlines.ts';
import type { EndedRun } from './run.ts';
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
  void sleep(timeLeftMs(input)).then(
    () => {
      deadlineExceeded = true;
      runs.cancel();
    },
    () => undefined,
  );

  let ended: EndedInput;
  let before: string | undefined;
  let betweenRuns: UnstartedTask | undefined;
  for (let run = input.firstRun; ; run++) {
    ended = await endRun({ task: input, run }, { runs, isLate: () => deadlineExceeded, before });
    before = `Run ${run} ended ${ended.reason}${ended.detail === undefined ? '' : `: ${quoted(ended.detail)}`}`;
    const lastRun = input.firstRun + input.retries;
    if (ended.isRecorded || TASK_REASONS[ended.reason].after === 'final' || run >= lastRun) break;
    await record({ ...ended, final: false });
    try {
      const pauseMs = pauseAfterRuns(run - input.firstRun + 1);
      const next = new Date(Date.now() + pauseMs).toISOString();
      show(`${runName({ task: input, run: run + 1 })} begins at ${next}`, before);
      await runs.run(() => sleep(pauseMs, { summary: `run ${run} ended ${ended.reason}` }));
    } catch (error) {
      if (!isCancellation(error)) throw error;
      const reason: TaskReason = deadlineExceeded ? 'deadline-exceeded' : 'canceled';
      const waited = `Run ${run} had ended ${ended.reason}, and run ${run + 1} had not begun`;
      const detail = deadlineExceeded ? `${deadlineDetail(input.deadlineSeconds)}. ${waited}` : waited;
      // That run has its end and its log already: this one is the task's alone.
      if (patched('keep-lost-run')) betweenRuns = { label: input.label, reason, detail };
      ended = { ...ended, state: 'exception', reason };
      break;
    }
  }
  show(`**Ended ${ended.reason}**`, before);
  const resolved: TaskResolved = { label: input.label, state: ended.state, reason: ended.reason };
  const end = betweenRuns;
  await CancellationScope.nonCancellable(async () => {
    upsertSearchAttributes([{ key: SLIPWAY_STATE, value: resolved.state }]);
    if (end) await recordBetweenRuns(input, end);
    else if (!ended.isRecorded) await record({ ...ended, final: true });
    await getExternalWorkflowHandle(input.pushId)
      .signal(taskResolvedSignal, resolved)
      .catch(() => log.info('The push is gone', { pushId: input.pushId }));
  });
  return resolved;
}

function timeLeftMs({ deadline, deadlineSeconds }: TaskInput): number {
  if (deadline === undefined) return deadlineSeconds * 1000;
  return Math.max(1, Date.parse(deadline) - Date.now());
}

type EndedInput = RecordRunInput & Pick<EndedRun, 'isRecorded'>;

async function endRun(
  coordinates: { readonly task: TaskInput; readonly run: number },
  {
    runs,
    isLate,
    before,
  }: {
    readonly runs: CancellationScope;
    readonly isLate: () => boolean;
    readonly before: string | undefined;
  },
): Promise<EndedInput> {
  const ended = await runs.run(() => carryOutRun(coordinates, before));
  if (ended.isRecorded)
    return { ...coordinates, ...ended, state: TASK_REASONS[ended.reason].state, final: true };
  // A machine that is lost while its run is being cancelled need not be replaced.
  const isStopped =
    ended.reason === 'canceled' || (runs.consideredCancelled && TASK_REASONS[ended.reason].after === 'retry');
  const stopped: TaskReason = isLate() ? 'deadline-exceeded' : 'canceled';
  const reason = isStopped ? stopped : ended.reason;
  const late = isStopped && isLate() ? { detail: deadlineDetail(coordinates.task.deadlineSeconds) } : {};
  return { ...coordinates, ...ended, ...late, reason, state: TASK_REASONS[reason].state, final: true };
}

function record(input: RecordRunInput): Promise<void> {
  return recorded(input.task, (records) => records.recordRun(input));
}

function recordBetweenRuns(input: TaskInput, end: UnstartedTask): Promise<void> {
  const { pushId, plannedAt } = input;
  return recorded(input, (records) => records.recordUnstarted({ pushId, plannedAt, tasks: [end] }));
}

/** The push must hear of the end, even when it could not be recorded. */
function recorded(
  { level }: TaskInput,
  write: (records: ReturnType<typeof recordActivities>) => Promise<void>,
): Promise<void> {
  return CancellationScope.nonCancellable(() =>
    write(recordActivities(level)).catch((error: unknown) =>
      log.error('The end of a run was not recorded', { error }),
    ),
  );
}
