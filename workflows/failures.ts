import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  patched,
  TimeoutFailure,
} from '@temporalio/workflow';
import { cutDetail } from '../model/pure/cut-text.ts';
import type { RunPhase } from '../model/pure/run-ends.ts';
import { reasonOfFailure } from '../model/pure/run-ends.ts';
import type { PushReason, TaskReason } from '../model/pure/states.ts';

/** The `type` of the error that an activity threw in the end, `Timeout:<kind>` for a time-out, undefined when neither. */
export function failureType(error: unknown): string | undefined {
  const cause = rootFailure(error);
  if (cause instanceof TimeoutFailure) return `Timeout:${cause.timeoutType}`;
  if (cause instanceof ApplicationFailure) return cause.type ?? undefined;
  return undefined;
}

/** The message of the error that an activity threw in the end, or had met when its time was over, for people. */
export function failureDetail(error: unknown): string {
  const cause = rootFailure(error);
  if (cause instanceof TimeoutFailure) return metBefore(cause)?.message ?? timeoutDetail(cause);
  return cause instanceof Error ? cause.message : String(cause);
}

function timeoutDetail({ timeoutType, lastHeartbeatDetails: told }: TimeoutFailure): string {
  if (timeoutType === 'SCHEDULE_TO_START')
    return 'no worker of that machine takes its work: the machine is gone, or its worker does not run';
  const isTold = typeof told === 'object' && told !== null && 'message' in told;
  return cutDetail(
    `no answer in time (${timeoutType})${isTold ? `, told last: ${String(told.message)}` : ''}`,
  );
}

/**
 * What the attempt before had failed with when all the time of an activity was over and another attempt under way. The server has
 * it as the cause of the time-out, which the SDK does not hand on.
 */
function metBefore({ timeoutType, failure }: TimeoutFailure): { type: string; message: string } | undefined {
  const { message, applicationFailureInfo } = failure?.cause ?? {};
  const type = applicationFailureInfo?.type;
  // That of an attempt whose worker has left is no trouble of the activity's own.
  if (timeoutType !== 'SCHEDULE_TO_CLOSE' || !type || !message || type === 'WorkerShutdown') return undefined;
  return { type, message };
}

/** Whether nobody is there who could still save what the run has left. */
export function isMachineGone(error: unknown): boolean {
  const type = failureType(error) ?? '';
  return type.startsWith('Timeout:') || UNREACHABLE.includes(type);
}

/**
 * Whether an activity failed with what its next attempt might not have met, and had none because it was being cancelled. To the
 * server that is a failure, whatever type it has, and not a cancel.
 */
export function isCutShort(error: unknown): boolean {
  return error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED' && !isFinal(error);
}

/** The digest of the blob because of which an activity found a stored image damaged; undefined when it failed otherwise. */
export function damagedDigest(error: unknown): string | undefined {
  const cause = rootFailure(error);
  if (!(cause instanceof ApplicationFailure) || cause.type !== 'ImageDamaged') return undefined;
  const [digest] = cause.details ?? [];
  return typeof digest === 'string' ? digest : undefined;
}

/** How a push ends when something that it needs has finally failed. Replay: words for its record, on which no command depends. */
export function pushReason(error: unknown): PushReason {
  const cause = rootFailure(error);
  const type = cause instanceof TimeoutFailure ? metBefore(cause)?.type : failureType(error);
  return (type && PUSH_REASON_OF[type]) || 'internal-error';
}

const PUSH_REASON_OF: Readonly<Record<string, PushReason>> = {
  RepositoryUnavailable: 'repository-unavailable',
  // What may not run again is said of a push as it would be of its first round.
  ProjectNotFound: 'repository-unavailable',
  NotGranted: 'malformed-plan',
};

/** Saving would wait for the same once more, or belongs to another run. */
const UNREACHABLE = ['EngineUnavailable', 'StoreUnavailable', 'RunSuperseded'];

/** How a run ends when one of its activities has finally failed. */
export function runReason(error: unknown, phase: RunPhase): TaskReason {
  const type = failureType(error);
  // Replay: it was the end of the task before.
  if (type === 'RepositoryUnavailable' && !patched('run-again-without-repository')) return 'internal-error';
  return reasonOfFailure(type, { phase, isFinal: isFinal(error) });
}

function isFinal(error: unknown): boolean {
  const cause = rootFailure(error);
  return cause instanceof ApplicationFailure && cause.nonRetryable === true;
}

function rootFailure(error: unknown): unknown {
  const wrapped = error instanceof ActivityFailure || error instanceof ChildWorkflowFailure;
  return wrapped && error.cause ? error.cause : error;
}
