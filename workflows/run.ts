import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { ClaimedRun } from '../model/pure/claim-payloads.ts';
import type {
  ContainerResult,
  LoadedImage,
  RunInput,
  SaveArtifactsInput,
  SavedArtifacts,
} from '../model/pure/payloads.ts';
import type { RunPhase } from '../model/pure/run-ends.ts';
import { verdictOf } from '../model/pure/run-ends.ts';
import type { TaskReason } from '../model/pure/states.ts';
import { runnerActivities } from './activity-proxies.ts';
import { claimRun } from './claim-run.ts';
import { showRun } from './current-details.ts';
import { failureDetail, isCutShort, isMachineGone, runReason } from './failures.ts';
import { loadImage } from './load-image.ts';
import { isUnanswered, onEngine } from './on-engine.ts';

/** Beyond maxRunTime: creating the container, putting inputs in, and being adopted by a restarted worker. */
const RUN_MARGIN_SECONDS = 1_800;

/** What an engine has left that hangs or is away for long is not waited for: the task has its end already. */
const LAST_ATTEMPTS = 4;

/** Moving an image or artifacts has a budget of its own, apart from maxRunTime. */
const TRANSFER_SECONDS = 7_200;

export interface EndedRun {
  readonly reason: TaskReason;
  readonly detail?: string;
  /** How long its image was tried for, which did not come. */
  readonly imageMs?: number;
  readonly loaded?: LoadedImage;
  readonly result?: ContainerResult;
  readonly saved?: SavedArtifacts;
  /** The task's record has this end already. */
  readonly isRecorded?: true;
}

/**
 * One run: claimed on the shared queue, carried out on the queue of the engine that claimed it. Never throws:
 * every failure is a reason. Artifacts are saved whatever the end, as long as the machine is there. `before` says how the run before
 * it ended.
 */
export async function carryOutRun(input: RunInput, before?: string): Promise<EndedRun> {
  const soFar: { loaded?: LoadedImage; result?: ContainerResult } = {};
  let phase: RunPhase = 'claim';
  let loadBegan = 0;
  let claim: ClaimedRun | undefined;
  const summary = summaryOf(input);
  const showPhase = (): void => showRun(input, phase, { worker: claim?.worker, before });
  showPhase();
  try {
    const answer = await claimRun(input);
    if ('ended' in answer) return { ...answer.ended, isRecorded: true };
    claim = answer;
    const runner = runnerActivities(claim.queue, { summary, startToCloseSeconds: TRANSFER_SECONDS });
    phase = 'load';
    showPhase();
    loadBegan = Date.now();
    soFar.loaded = await onEngine(input, claim, () => loadImage(runner, input));
    phase = 'run';
    showPhase();
    const running = runnerActivities(claim.queue, {
      summary,
      startToCloseSeconds: input.task.maxRunTimeSeconds + RUN_MARGIN_SECONDS,
    });
    const container = { ...input, engineImageId: soFar.loaded.engineImageId };
    soFar.result = await onEngine(input, claim, () => running.runContainer(container));
    phase = 'save';
    showPhase();
    const { reason, exitCode } = soFar.result;
    const saving = { ...input, reason, ...(exitCode === undefined ? {} : { exitCode }) };
    const saved = await onEngine(input, claim, () => runner.saveArtifacts(saving));
    return { ...soFar, saved, ...verdictOf(soFar.result, saved) };
  } catch (error) {
    const isCanceled = isCancellation(error);
    const failed = isCanceled ? 'canceled' : runReason(error, phase);
    const reason = isCutShort(error) ? 'canceled' : failed;
    const ended = {
      ...soFar,
      ...(phase === 'load' && !isUnanswered(error) ? { imageMs: Date.now() - loadBegan } : {}),
      reason,
      ...(reason === 'canceled' ? {} : { detail: failureDetail(error) }),
    };
    const isSavable = phase !== 'save' && !isMachineGone(error);
    const abandoned = claim === undefined || (!isCanceled && !isSavable);
    if (abandoned) return ended;
    phase = 'save';
    showPhase();
    const { exitCode } = soFar.result ?? {};
    const left = { ...input, reason, ...(exitCode === undefined ? {} : { exitCode }) };
    return { ...ended, ...(await saveWhatThereIs(left, claim)) };
  }
}

/** What was produced until a cancel or a failure is kept, and the container is removed; trouble with that changes nothing. */
async function saveWhatThereIs(
  input: SaveArtifactsInput,
  claim: ClaimedRun | undefined,
): Promise<{ saved?: SavedArtifacts }> {
  if (!claim) return {};
  const summary = summaryOf(input);
  try {
    const saved = await CancellationScope.nonCancellable(() =>
      runnerActivities(claim.queue, {
        summary,
        startToCloseSeconds: TRANSFER_SECONDS,
        maximumAttempts: LAST_ATTEMPTS,
      }).saveArtifacts(input),
    );
    return { saved };
  } catch {
    return {};
  }
}

function summaryOf({ task, run }: RunInput): string {
  return `${task.label} run ${run}`;
}
