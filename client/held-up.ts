import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { ErrorType } from '../model/error-catalog.ts';

const REFUSALS: readonly ErrorType[] = ['MachineBusy', 'VersionTooOld'];

/** Why runs of some tasks are not claimed although runners ask for work: what the last machine that was asked lacks, by task. */
export async function findHeldUp(
  { workflow }: Pick<Client, 'workflow'>,
  taskIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const answers = await Promise.all(
    taskIds.map(async (taskId) => {
      const described = await workflow.getHandle(taskId).describe().catch(unlessGone);
      const failures = (described?.raw.pendingActivities ?? []).map(({ lastFailure }) => lastFailure);
      const refusal = failures.find((failure) => isRefusal(failure?.applicationFailureInfo?.type));
      return refusal?.message ? [[taskId, refusal.message] as const] : [];
    }),
  );
  return new Map(answers.flat());
}

function isRefusal(type: string | null | undefined): boolean {
  return REFUSALS.some((refusal) => refusal === type);
}

/** Its push may not have come to start it, or be through with it. */
function unlessGone(error: unknown): undefined {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}
