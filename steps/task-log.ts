import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { LIVE_LOG, LIVE_LOG_TYPE } from '../model/pure/artifact-names.ts';
import { parseId, taskIdIn } from '../model/pure/ids.ts';
import { isResolved, TASK_REASONS } from '../model/pure/states.ts';
import type { ArtifactRecord, TaskRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { WORKER_MARK } from './run-log.ts';

/** A log that is not one run's: all of it as whoever asks for the task's log has it. */
export interface TaskLog {
  /** What is known of it before it is read; its hash only where it is the end alone. */
  readonly record: Omit<ArtifactRecord, 'sha256'> & { readonly sha256?: string };
  open(signal: AbortSignal): Readable;
}

/**
 * The log of a task that ended without a run, or only after its last one had its end: the log of that, and then the end. It lies nowhere,
 * since its end is what the task's record says. Undefined of any other task: the log of its last run is its own.
 */
export async function findTaskLog(
  { artifacts }: Pick<Store, 'artifacts'>,
  task: TaskRecord,
): Promise<TaskLog | undefined> {
  const words = endWords(task);
  if (words === undefined) return undefined;
  const end = Buffer.from(words);
  const last = task.runs.at(-1)?.run ?? -1;
  const before = last < 0 ? undefined : await artifacts.find(task.taskId, last, LIVE_LOG);
  const sizeBytes = (before?.sizeBytes ?? 0) + end.byteLength;
  const sha256 = before ? {} : { sha256: createHash('sha256').update(end).digest('hex') };
  async function* whole(signal: AbortSignal): AsyncGenerator<Buffer> {
    if (before) yield* await artifacts.read(task.taskId, last, LIVE_LOG, signal);
    yield end;
  }
  return {
    record: { name: LIVE_LOG, contentType: LIVE_LOG_TYPE, sizeBytes, ...sha256 },
    open: (signal) => Readable.from(whole(signal), { objectMode: false }),
  };
}

/**
 * How a task ended, when no log of a run says it: it ended without one, or only after its last one had its end. Undefined when the log
 * of the run says it, or it has not ended. In lines that are marked and dated as the worker's own are in a log.
 */
export function endWords(record: TaskRecord): string | undefined {
  const { state, reason, detail, culprit, resolved } = record;
  const last = record.runs.at(-1);
  if (!isResolved(state) || reason === undefined || (last && !hasEndedApart(record))) return undefined;
  const after = last ? `after run ${last.run}` : 'without a run';
  const isImage = parseId(record.taskId)?.kind === 'image';
  const lines = [
    `The task ended ${after}: ${state}/${reason}${detail === undefined ? '' : `: ${detail}`}`,
    // Reasons are said of a task's own command.
    ...(isImage ? [] : [TASK_REASONS[reason].meaning]),
    ...(culprit === undefined ? [] : [`First culprit: slipway logs ${idOfCulprit(record, culprit)}`]),
    isImage
      ? 'The next push that needs the image tries again.'
      : `The task is resolved. To run it again: slipway rerun ${record.taskId}`,
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
