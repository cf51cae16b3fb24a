import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { PushReason, TaskReason } from '../model/pure/states.ts';

/** The `type` of the error that an activity threw in the end, `Timeout:<kind>` for a time-out, undefined when neither. */
export function failureType(error: unknown): string | undefined {
  const cause = rootFailure(error);
  if (cause instanceof TimeoutFailure) return `Timeout:${cause.timeoutType}`;
  if (cause instanceof ApplicationFailure) return cause.type ?? undefined;
  return undefined;
}

/** The message of the error that an activity threw in the end, for people. */
export function failureDetail(error: unknown): string {
  const cause = rootFailure(error);
  if (cause instanceof TimeoutFailure) return timeoutDetail(cause);
  return cause instanceof Error ? cause.message : String(cause);
}

function timeoutDetail({ timeoutType }: TimeoutFailure): string {
  return timeoutType === 'SCHEDULE_TO_START'
    ? 'no worker of that machine takes its work: the machine is gone, or its worker does not run'
    : `no answer in time (${timeoutType})`;
}

/** Whether nobody is there who could still save what the run has left. */
export function isMachineGone(error: unknown): boolean {
  const type = failureType(error) ?? '';
  return type.startsWith('Timeout:') || UNREACHABLE.includes(type);
}

/** The digest of the blob because of which an activity found a stored image damaged; undefined when it failed otherwise. */
export function damagedDigest(error: unknown): string | undefined {
  const cause = rootFailure(error);
  if (!(cause instanceof ApplicationFailure) || cause.type !== 'ImageDamaged') return undefined;
  const [digest] = cause.details ?? [];
  return typeof digest === 'string' ? digest : undefined;
}

/** How a push ends when something that it needs has finally failed. */
export function pushReason(error: unknown): PushReason {
  return failureType(error) === 'RepositoryUnavailable' ? 'repository-unavailable' : 'internal-error';
}

/** In which phase of a run a failure came; it decides what an unknown failure means. */
export type RunPhase = 'claim' | 'load' | 'run' | 'save';

const FINAL_REASONS: Readonly<Record<string, TaskReason>> = {
  ImageUnavailable: 'resource-unavailable',
  ImageTarRefused: 'resource-unavailable',
  InputUnavailable: 'resource-unavailable',
  BlobNotFound: 'internal-error',
  DigestMismatch: 'internal-error',
  ImageDamaged: 'internal-error',
  InvalidInput: 'malformed-payload',
  ImageHashMismatch: 'internal-error',
  InternalError: 'internal-error',
  WorkerShutdown: 'worker-shutdown',
  RunSuperseded: 'worker-lost',
  EngineUnavailable: 'worker-lost',
  ContainerLost: 'worker-lost',
  EngineOutOfSpace: 'worker-lost',
  TransferFailed: 'worker-lost',
};

/** Saving would wait for the same once more, or belongs to another run. */
const UNREACHABLE = ['EngineUnavailable', 'StoreUnavailable', 'RunSuperseded'];

/** How a run ends when one of its activities has finally failed. */
export function runReason(error: unknown, phase: RunPhase): TaskReason {
  const type = failureType(error);
  const known = type === undefined ? undefined : FINAL_REASONS[type];
  if (known) return known;
  if (type?.startsWith('Timeout:')) return 'worker-lost';
  // What the engine refused for good is refused elsewhere too; trouble inside it may be this machine's.
  if (type === 'EngineRequestFailed' && phase !== 'save')
    return isFinal(error) ? 'internal-error' : 'worker-lost';
  if (type === 'StoreUnavailable' || type === 'StoreOutOfSpace')
    return phase === 'save' ? 'upload-failed' : 'worker-lost';
  return phase === 'save' ? 'upload-failed' : 'internal-error';
}

function isFinal(error: unknown): boolean {
  const cause = rootFailure(error);
  return cause instanceof ApplicationFailure && cause.nonRetryable === true;
}

function rootFailure(error: unknown): unknown {
  const wrapped = error instanceof ActivityFailure || error instanceof ChildWorkflowFailure;
  return wrapped && error.cause ? error.cause : error;
}
