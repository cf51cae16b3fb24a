import { setTimeout as delay } from 'node:timers/promises';
import { isSlipwayError } from '../model/errors.ts';
import type { RecordRunInput, RunInput, SavedArtifacts, TaskInput } from '../model/pure/payloads.ts';
import type { RunPhase } from '../model/pure/run-ends.ts';
import { pauseAfterRuns, reasonOfFailure, verdictOf } from '../model/pure/run-ends.ts';
import type { TaskReason } from '../model/pure/states.ts';
import { TASK_REASONS } from '../model/pure/states.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import { isAway } from './engine-trouble.ts';
import type { LoadTaskImageDeps } from './load-task-image.ts';
import { loadTaskImage } from './load-task-image.ts';
import type { RunContainerDeps } from './run-container.ts';
import { runContainer } from './run-container.ts';
import { recordUnstarted } from './read-push.ts';
import { removeRun } from './run-volumes.ts';
import { saveArtifacts } from './save-artifacts.ts';
import type { StepContext } from './step-context.ts';
import type { RunnerIdentity } from './task-run.ts';
import { claimRun, recordRun } from './task-run.ts';

/** After a cancel, what the command has left is saved within this time. */
const LAST_SAVE_MS = 30_000;

export interface RunHereDeps extends RunContainerDeps, Pick<LoadTaskImageDeps, 'builtHere'> {
  readonly identity: RunnerIdentity;
}

type Ended = Pick<RecordRunInput, 'reason' | 'detail' | 'imageMs' | 'loaded' | 'result' | 'saved'>;

/**
 * Carries a task out without a server, by the steps of the workers and by the policy of the task workflow: claimed, run, saved,
 * recorded; a new run while `retries` last; nothing after its deadline, which counts from here on. Never throws for what ends a
 * run: that is a reason. Nothing is left in the engine.
 */
export async function runTaskHere(
  deps: RunHereDeps,
  task: Omit<TaskInput, 'firstRun'>,
  context: StepContext,
): Promise<RecordRunInput> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), task.deadlineSeconds * 1000);
  const signal = AbortSignal.any([context.signal, late.signal]);
  try {
    return await carryOutRuns(deps, task, {
      context: { ...context, signal, isCanceled: () => signal.aborted },
      // Whichever was first.
      whyStopped: () => (signal.reason === late.signal.reason ? 'deadline-exceeded' : 'canceled'),
    });
  } finally {
    clearTimeout(timer);
  }
}

interface Until {
  readonly context: StepContext;
  readonly whyStopped: () => 'canceled' | 'deadline-exceeded';
}

async function carryOutRuns(
  deps: RunHereDeps,
  task: Omit<TaskInput, 'firstRun'>,
  { context, whyStopped }: Until,
): Promise<RecordRunInput> {
  for (let runs = 1; ; runs += 1) {
    const input = await claimNext(deps, task, context);
    const { isHopeless, ...ended } = await carryOut(deps, input, { context, whyStopped });
    const policy = TASK_REASONS[ended.reason];
    const isLast = policy.after === 'final' || runs > task.retries || isHopeless;
    const counted = { ...input, task: { ...input.task, firstRun: input.run - runs + 1 } };
    const recorded = { ...counted, ...ended, state: policy.state, final: isLast };
    await recordRun(deps.store, deps.plans, recorded);
    if (isLast) return recorded;
    await delay(pauseAfterRuns(runs), undefined, { signal: context.signal }).catch(() => undefined);
    if (context.signal.aborted) {
      const reason = whyStopped();
      const { pushId, plannedAt, label } = task;
      // The run has its end already: this one is the task's alone.
      await recordUnstarted(deps.store, deps.plans, { pushId, plannedAt, tasks: [{ label, reason }] });
      return { ...recorded, state: TASK_REASONS[reason].state, reason, final: true };
    }
  }
}

/** The next run that is nobody else's: of the same task at the same time each process has its own. */
export async function claimNext(
  deps: Pick<RunHereDeps, 'store' | 'plans' | 'identity'>,
  task: Omit<TaskInput, 'firstRun'>,
  context: StepContext,
): Promise<RunInput> {
  const record = await deps.store.tasks.findUsable(task.taskId);
  for (let run = (record?.runs.at(-1)?.run ?? -1) + 1; ; run += 1) {
    const input = { task: { ...task, firstRun: run }, run };
    try {
      const claim = await claimRun(deps, input, context);
      if (claim.worker === deps.identity.worker) return input;
    } catch (error) {
      // Somebody claimed a later one meanwhile.
      if (!isSlipwayError(error) || error.type !== 'RunSuperseded') throw error;
    }
  }
}

async function carryOut(
  deps: RunHereDeps,
  input: RunInput,
  { context, whyStopped }: Until,
): Promise<Ended & { readonly isHopeless: boolean }> {
  const soFar: Pick<Ended, 'loaded' | 'result'> = {};
  let phase: RunPhase = 'load';
  const took = startStopwatch();
  try {
    const loaded = await loadTaskImage(deps, input, context);
    Object.assign(soFar, { loaded });
    phase = 'run';
    const result = await runContainer(deps, { ...input, engineImageId: loaded.engineImageId }, context);
    Object.assign(soFar, { result });
    phase = 'save';
    const { reason, exitCode } = result;
    const saving = { ...input, reason, ...(exitCode === undefined ? {} : { exitCode }) };
    const saved = await saveArtifacts(deps, saving, context);
    return { ...soFar, saved, ...verdictOf(result, saved), isHopeless: false };
  } catch (error) {
    const isStopped = context.signal.aborted;
    const reason = isStopped ? whyStopped() : whyFailed(error, phase);
    const detail = isStopped || !(error instanceof Error) ? {} : { detail: error.message };
    const tried = phase === 'load' ? { imageMs: took() } : {};
    const saved = phase === 'run' && !isAway(error) ? await saveWhatThereIs(deps, input, reason) : {};
    // An engine that does not come back would only be waited for again.
    return { ...soFar, ...tried, ...saved, reason, ...detail, isHopeless: isStopped || isAway(error) };
  } finally {
    await removeRun(deps, input, soFar.result?.exitCode).catch(() => undefined);
  }
}

function whyFailed(error: unknown, phase: RunPhase): TaskReason {
  if (!isSlipwayError(error)) return reasonOfFailure(undefined, { phase, isFinal: true });
  return reasonOfFailure(error.type, { phase, isFinal: !error.retryable });
}

/** What was produced until a cancel or a failure is kept; trouble with that changes nothing. */
async function saveWhatThereIs(
  deps: RunHereDeps,
  input: RunInput,
  reason: TaskReason,
): Promise<{ readonly saved?: SavedArtifacts }> {
  const signal = AbortSignal.timeout(LAST_SAVE_MS);
  const context: StepContext = { signal, isCanceled: () => false, onProgress: () => undefined };
  try {
    return { saved: await saveArtifacts(deps, { ...input, reason }, context) };
  } catch {
    return {};
  }
}
