import { isCancellation } from '@temporalio/workflow';
import type { ClaimedRun, EndedTask } from '../model/pure/claim-payloads.ts';
import type { RunInput } from '../model/pure/payloads.ts';
import { claimActivities, holderActivities, referringActivities } from './activity-proxies.ts';

/**
 * Claims a run: for an engine that has its image, where one has and takes it at once; else for whichever has a slot free first. Whoever
 * answers first on the shared queue knows, so that nobody is asked where it has the image itself, or nobody has.
 */
export async function claimRun(run: RunInput): Promise<ClaimedRun | EndedTask> {
  const input = { ...run, mayHaveEnded: true as const };
  // Not every engine serves tasks with one of their own.
  const mayRefer = input.task.dind ? {} : { mayRefer: true as const };
  const answer = await referringActivities(input.task).claimRun({ ...input, ...mayRefer });
  if (!('heldBy' in answer)) return answer;
  const { heldBy, asked } = answer;
  const queued = { ...input, ...(asked === undefined ? {} : { asked }) };
  try {
    return await holderActivities(heldBy).claimRun(queued);
  } catch (error) {
    if (isCancellation(error)) throw error;
    return claimActivities(input.task).claimRun(queued);
  }
}
