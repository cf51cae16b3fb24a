/** What the end of a run means, whoever carried it out: a workflow by its activities, or a person's own machine. */

import { cutDetail } from './cut-text.ts';
import type { ContainerResult, SavedArtifacts } from './payloads.ts';
import type { TaskReason } from './states.ts';

/** In which phase of a run a failure came; it decides what an unknown failure means. */
export type RunPhase = 'claim' | 'load' | 'run' | 'save';

/** Between two runs: long enough for a machine to be noticed as gone, short enough for people; twice as long each time. */
const RETRY_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

const FINAL_REASONS: Readonly<Record<string, TaskReason>> = {
  ImageUnavailable: 'resource-unavailable',
  ImageTarRefused: 'resource-unavailable',
  InputUnavailable: 'resource-unavailable',
  SecretUnavailable: 'resource-unavailable',
  DeviceUnavailable: 'resource-unavailable',
  RevisionNotFound: 'resource-unavailable',
  BlobNotFound: 'internal-error',
  DigestMismatch: 'internal-error',
  ImageDamaged: 'internal-error',
  InvalidInput: 'malformed-payload',
  PathUnusable: 'malformed-payload',
  ImageHashMismatch: 'internal-error',
  InternalError: 'internal-error',
  WorkerShutdown: 'worker-shutdown',
  RunSuperseded: 'worker-lost',
  EngineUnavailable: 'worker-lost',
  ContainerLost: 'worker-lost',
  EngineOutOfSpace: 'worker-lost',
  TransferFailed: 'worker-lost',
  RepositoryUnavailable: 'worker-lost',
  VersionTooOld: 'worker-lost',
};

/** How a run ends when a part of it has finally failed with an error of that type; undefined: with one that nobody knows. */
export function reasonOfFailure(
  type: string | undefined,
  { phase, isFinal }: { readonly phase: RunPhase; readonly isFinal: boolean },
): TaskReason {
  const known = type === undefined ? undefined : FINAL_REASONS[type];
  if (known) return known;
  if (type?.startsWith('Timeout:')) return 'worker-lost';
  // What the engine refused for good is refused elsewhere too; trouble inside it may be this machine's.
  if (type === 'EngineRequestFailed' && phase !== 'save') return isFinal ? 'internal-error' : 'worker-lost';
  if (type === 'StoreUnavailable' || type === 'StoreOutOfSpace')
    return phase === 'save' ? 'upload-failed' : 'worker-lost';
  return phase === 'save' ? 'upload-failed' : 'internal-error';
}

/** How a run ends whose command came to an end and whose artifacts were saved. */
export function verdictOf(
  result: ContainerResult,
  saved: SavedArtifacts,
): { readonly reason: TaskReason; readonly detail?: string } {
  if (result.reason !== 'completed')
    return { reason: result.reason, ...(result.detail ? { detail: result.detail } : {}) };
  if (saved.missing.length === 0) return { reason: 'completed' };
  const names = saved.missing.map(({ name, found }) => `${name} (${found})`);
  return { reason: 'artifact-missing', detail: cutDetail(`missing: ${names.join(', ')}`) };
}

/** How long a task waits after so many runs before the next one. */
export function pauseAfterRuns(runs: number): number {
  return Math.min(RETRY_PAUSE_MS * 2 ** (runs - 1), LONGEST_PAUSE_MS);
}
