import type { Client, ScheduleOptions } from '@temporalio/client';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import type { Level } from '../model/pure/ids.ts';
import { queueName } from '../model/pure/ids.ts';
import type { SettleInput } from '../model/pure/settle-payloads.ts';
import type { Installation } from './keep-schedule.ts';
import { keepSchedule } from './keep-schedule.ts';
import type { Parts } from './parts.ts';

/** What is terminated by hand is recorded within this time and the two looks. */
const EVERY = '30s';

/**
 * The schedule that settles what ended without a word, one a level. Without it everything goes on but what is ended by hand.
 * Gives what ends the trying to make it.
 */
export function startSettleSchedule(
  { level, logger, connections }: Pick<Parts, 'level' | 'logger'> & { readonly connections: Installation },
  client: Client,
): () => Promise<void> {
  const options = (): ScheduleOptions => settleSchedule(level);
  const what = 'settles ended workflows';
  return keepSchedule({ logger }, client, { what, installation: connections, options });
}

function settleSchedule(level: Level): ScheduleOptions {
  const input: SettleInput = { level };
  return {
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
  };
}
