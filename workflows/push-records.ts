import { patched, workflowInfo } from '@temporalio/workflow';
import type { PushInput, RecordPushInput, RecordUnstartedInput } from '../model/pure/payloads.ts';
import { recordActivities } from './activity-proxies.ts';

/** Tasks that one activity is about: far below what a payload may have. */
export const BATCH = 1_000;

/** In batches: a failure near the root of a large graph ends thousands of tasks at once. */
export async function recordUnstarted(
  { level }: PushInput,
  { tasks, ...planned }: RecordUnstartedInput,
): Promise<void> {
  const size = tasks.length > BATCH && patched('batches') ? BATCH : tasks.length;
  for (let at = 0; at < tasks.length; at += size)
    await recordActivities(level).recordUnstarted({ ...planned, tasks: tasks.slice(at, at + size) });
}

/** The push's record with its end. */
export async function recordVerdict(
  input: PushInput,
  planned: { readonly plannedAt: string } | undefined,
  ended: Pick<RecordPushInput, 'images' | 'verdict'>,
): Promise<void> {
  const pushId = workflowInfo().workflowId;
  const plannedAt = planned?.plannedAt ?? '';
  await recordActivities(input.level).recordPush({ pushId, plannedAt, push: input, ...ended });
}
