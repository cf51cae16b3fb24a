import { activityInfo } from '@temporalio/activity';
import { engineQueueName } from '../model/pure/ids.ts';
import type { FindHolderDeps } from '../steps/find-holder.ts';
import { findHolder } from '../steps/find-holder.ts';
import { loadTaskImage } from '../steps/load-task-image.ts';
import type { RunContainerDeps } from '../steps/run-container.ts';
import { runContainer } from '../steps/run-container.ts';
import { saveArtifacts } from '../steps/save-artifacts.ts';
import { claimRun, findEnded } from '../steps/task-run.ts';
import { carryOut } from './carry-out.ts';
import type { ReferringActivities, RunnerActivities } from './contracts.ts';

/**
 * The activity of the shared runner queue: whoever claims a run carries it out on its own engine's queue, unless another engine
 * has its image and whoever asks may be sent there, or the task has its end already and whoever asks may be told.
 */
export function createClaimActivities(
  deps: Parameters<typeof claimRun>[0] & Pick<FindHolderDeps, 'engine' | 'platform'>,
): ReferringActivities {
  const { store, identity } = deps;
  const { engineId } = identity;
  return {
    claimRun: (input) =>
      carryOut(async (context) => {
        const asked = input.asked ?? new Date(activityInfo().scheduledTimestampMs).toISOString();
        const [ended, holder] = await Promise.all([
          input.mayHaveEnded ? findEnded(store, input) : undefined,
          input.mayRefer ? findHolder({ ...deps, engineId }, input) : undefined,
        ]);
        if (ended) return ended;
        if (holder !== undefined) return { heldBy: engineQueueName(input.task.level, holder), asked };
        return claimRun(deps, { ...input, asked }, context);
      }),
  };
}

/** A longer list of artifacts is not answered, since answers have a limit: it is in the store. */
const MOST_ANSWERED = 500;

/**
 * The activities of one engine's queue. `ending` stops runs that are not at their end yet; what they have left is saved all
 * the same.
 */
export function createRunnerActivities(deps: RunContainerDeps, ending: AbortSignal): RunnerActivities {
  return {
    loadImage: (input) => carryOut((context) => loadTaskImage(deps, input, context), { ending }),
    runContainer: (input) => carryOut((context) => runContainer(deps, input, context), { ending }),
    saveArtifacts: (input) =>
      carryOut(async (context) => {
        const saved = await saveArtifacts(deps, input, context);
        return saved.artifacts.length > MOST_ANSWERED ? { ...saved, artifacts: [] } : saved;
      }),
  };
}
