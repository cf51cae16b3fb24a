import { loadTaskImage } from '../steps/load-task-image.ts';
import type { RunContainerDeps } from '../steps/run-container.ts';
import { runContainer } from '../steps/run-container.ts';
import { saveArtifacts } from '../steps/save-artifacts.ts';
import type { RunnerIdentity } from '../steps/task-run.ts';
import { claimRun } from '../steps/task-run.ts';
import { carryOut } from './carry-out.ts';
import type { ClaimActivities, RunnerActivities } from './contracts.ts';

/** The activity of the shared runner queue: whoever claims a run carries it out on its own engine's queue. */
export function createClaimActivities(
  deps: RunContainerDeps & { readonly identity: RunnerIdentity },
): ClaimActivities {
  return { claimRun: (input) => carryOut((context) => claimRun(deps, input, context)) };
}

/**
 * The activities of one engine's queue. `ending` stops runs that are not at their end yet; what they have left is saved all
 * the same.
 */
export function createRunnerActivities(deps: RunContainerDeps, ending: AbortSignal): RunnerActivities {
  return {
    loadImage: (input) => carryOut((context) => loadTaskImage(deps, input, context), { ending }),
    runContainer: (input) => carryOut((context) => runContainer(deps, input, context), { ending }),
    saveArtifacts: (input) => carryOut((context) => saveArtifacts(deps, input, context)),
  };
}
