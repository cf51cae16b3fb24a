import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';

/** What is done just now to plan a push, and what the attempt before met, in words; undefined when nobody plans it or nothing is told. */
export async function findPlanning(
  { workflow }: Pick<Client, 'workflow'>,
  pushId: string,
): Promise<string | undefined> {
  const described = await workflow.getHandle(pushId).describe().catch(unlessGone);
  const planning = described?.raw.pendingActivities?.find(
    ({ activityType }) => activityType?.name === 'planPush',
  );
  if (!planning) return undefined;
  const [beat] = planning.heartbeatDetails?.payloads ?? [];
  const told =
    beat && defaultPayloadConverter.fromPayload<{ readonly message?: string } | null>(beat)?.message;
  const met = planning.lastFailure?.message;
  return [told, met && `it failed before: ${met}`].filter(Boolean).join('; ') || undefined;
}

/** Who started it may have looked before the server knows it, or after its end. */
function unlessGone(error: unknown): undefined {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}
