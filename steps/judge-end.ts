import type { ContainerState } from '../docker/engine.ts';
import { ContainerLost } from '../model/errors.ts';
import { formatMemory } from '../model/format-bytes.ts';
import type { ContainerResult, SavedArtifacts } from '../model/pure/payloads.ts';
import type { PlannedTask } from '../model/schema/plan.ts';

/** What `docker kill` and the kernel leave as exit code. */
const KILLED = 137;
/** What an engine that stops leaves: of its SIGTERM, of its SIGKILL. */
const STOPPED = [143, KILLED];
/** What an engine notes when it finds a container's process gone and does not know how: after a reboot of the machine. */
const UNKNOWN = 255;

export interface EndedCommand {
  readonly state: ContainerState;
  /** Whether it was killed by us because of maxRunTime. */
  readonly timedOut: boolean;
  /** The most memory that was seen in use. */
  readonly peakMemoryBytes?: number | undefined;
  /** `seen`: we were there. `unseen`: it had ended before we came. `engine-away`: its engine went away while it ran. */
  readonly end: 'seen' | 'unseen' | 'engine-away';
  /** Whether containers run on while the engine is stopped; asked only of an end that nobody saw. */
  readonly liveRestore: boolean;
}

/**
 * What the end of a command means. @throws {ContainerLost} when it did not end by itself: its engine took it down, or the
 * whole machine went away. A new run is made then, since nothing is known about the command.
 */
export function judgeEnd(
  ended: EndedCommand,
  planned: Pick<PlannedTask, 'maxRunTimeSeconds' | 'retryExitCodes' | 'resources'>,
): Omit<ContainerResult, 'prepareMs'> {
  const { state, timedOut } = ended;
  const { exitCode = KILLED, started, finished } = state;
  const runMs = runMsOf(state) ?? 0;
  const times = { runMs, ...(started ? { started } : {}), ...(finished ? { finished } : {}) };
  const facts = { exitCode, ...times, ...peakOf(ended, planned) };
  // By its own times too: whoever adopts a container may find it ended, in time or killed by the one before.
  const ranTooLong = exitCode === KILLED && (timedOut || runMs >= planned.maxRunTimeSeconds * 1000);
  if (ranTooLong)
    return {
      ...facts,
      reason: 'max-run-time-exceeded',
      detail: `ran longer than ${planned.maxRunTimeSeconds} s`,
    };
  if (state.outOfMemory && exitCode !== 0)
    return { ...facts, reason: 'out-of-memory', detail: memoryText(planned, facts.peakMemoryBytes) };
  const lost = whyLost(ended, exitCode);
  if (lost !== undefined) throw new ContainerLost(`${lost} (exit code ${exitCode})`);
  if (exitCode === 0) return { ...facts, reason: 'completed' };
  const reason = planned.retryExitCodes.includes(exitCode) ? 'intermittent-task' : 'failed';
  const detail =
    exitCode === KILLED
      ? `exit code ${KILLED}, as after SIGKILL: not from Slipway, and no memory limit was reached`
      : `exit code ${exitCode}`;
  return { ...facts, reason, detail };
}

/**
 * How long a command ran that came to no result, and its exit code. Undefined where it never ran, or the engine found it gone and notes
 * only when that was.
 */
export function ranOf(state: ContainerState): SavedArtifacts['ran'] {
  const { exitCode } = state;
  const runMs = runMsOf(state);
  return runMs === undefined || exitCode === undefined || exitCode === UNKNOWN
    ? undefined
    : { runMs, exitCode };
}

function runMsOf({ started, finished }: ContainerState): number | undefined {
  return started && finished ? Math.max(0, Date.parse(finished) - Date.parse(started)) : undefined;
}

/** What reached its limit has had as much, though nobody looked just then. */
function peakOf(
  { state, peakMemoryBytes = 0 }: EndedCommand,
  { resources: { memoryBytes: limit = 0 } }: Pick<PlannedTask, 'resources'>,
): { readonly peakMemoryBytes?: number } {
  const bytes = Math.max(peakMemoryBytes, state.outOfMemory ? limit : 0);
  return bytes === 0 ? {} : { peakMemoryBytes: bytes };
}

function memoryText({ resources: { memoryBytes: limit } }: Pick<PlannedTask, 'resources'>, peak = 0): string {
  const had = peak === 0 ? '' : `, peak ${formatMemory(peak)}`;
  return limit === undefined
    ? `the machine had no more memory${had}; the task sets no limit`
    : `more memory was needed than its limit of ${formatMemory(limit)}${had}`;
}

function whyLost({ state, end, liveRestore }: EndedCommand, exitCode: number): string | undefined {
  if (end === 'seen') return undefined;
  if (exitCode === UNKNOWN || state.finished === undefined)
    return 'The machine or its container runtime went down while the command ran';
  if (liveRestore) return undefined;
  return end === 'engine-away' || STOPPED.includes(exitCode)
    ? 'The Docker Engine was stopped while the command ran and took it down (it has no live-restore)'
    : undefined;
}
