import { parseId, taskIdIn } from '../model/pure/ids.ts';
import { isResolved, TASK_REASONS } from '../model/pure/states.ts';
import type { TaskRecord } from '../model/schema/records.ts';
import { WORKER_MARK } from '../steps/run-log.ts';

/**
 * How a task ended, when no log of a run says it: it ended without one, or only after its last one had its end. Undefined when the log
 * of the run says it, or it has not ended. In lines that are marked and dated as the worker's own are in a log.
 */
export function endWords(record: TaskRecord): string | undefined {
  const { taskId, state, reason, detail, culprit, resolved } = record;
  const last = record.runs.at(-1);
  if (!isResolved(state) || reason === undefined || (last && !hasEndedApart(record))) return undefined;
  const after = last ? `after run ${last.run}` : 'without a run';
  const lines = [
    `The task ended ${after}: ${state}/${reason}${detail === undefined ? '' : `: ${detail}`}`,
    TASK_REASONS[reason].meaning,
    ...(culprit === undefined ? [] : [`First culprit: slipway logs ${idOfCulprit(record, culprit)}`]),
    `The task is resolved. To run it again: slipway rerun ${taskId}`,
  ];
  const mark = state === 'completed' ? WORKER_MARK : `${WORKER_MARK}:error`;
  return lines
    .map((line) => `${mark} ${resolved ?? record.created}] ${line.replaceAll('\n', ' ')}\n`)
    .join('');
}

/** The end of a run that is its task's too is written down in one moment. */
function hasEndedApart({ taskId, reason, resolved, runs }: TaskRecord): boolean {
  const last = runs.at(-1);
  if (parseId(taskId)?.kind !== 'task' || last === undefined) return false;
  return last.resolved !== resolved || last.reason !== reason;
}

/** A task of the same push is named by its label. */
function idOfCulprit({ pushId }: TaskRecord, culprit: string): string {
  return parseId(culprit) || pushId === undefined ? culprit : taskIdIn(pushId, culprit);
}
