import type { Client } from '@temporalio/client';
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Level } from '../model/pure/ids.ts';
import { queueName } from '../model/pure/ids.ts';
import type { SettleInput } from '../model/pure/payloads.ts';

/** What is terminated by hand is recorded within this time and the two looks. */
const EVERY = '30s';

/** Makes the schedule that settles what ended without a word, one a level, or leaves the one that is there. */
export async function ensureSettleSchedule(client: Client, level: Level): Promise<void> {
  const input: SettleInput = { level };
  try {
    await client.schedule.create({
      scheduleId: `settle-${level}`,
      spec: { intervals: [{ every: EVERY }] },
      policies: {
        overlap: ScheduleOverlapPolicy.SKIP,
        // A server that was away brings no row of looks that nobody needs any more.
        catchupWindow: EVERY,
      },
      action: {
        type: 'startWorkflow',
        workflowType: 'settle',
        workflowId: `settle/${level}`,
        taskQueue: queueName('control', level),
        args: [input],
        // One whose worker died must not keep the next ones from being started.
        workflowExecutionTimeout: '15m',
      },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
}
