import type { Client, ScheduleOptions } from '@temporalio/client';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import type { Level } from '../model/pure/ids.ts';
import { queueName } from '../model/pure/ids.ts';
import type { CollectInput } from '../model/schema/collection.ts';
import { collectorIntervalMs } from '../model/schema/config.ts';
import { keepSchedule } from './keep-schedule.ts';
import type { Parts } from './parts.ts';
import { readServerConfig } from './server-config.ts';

/**
 * The schedule of the collector, one a level. Where schedules are forbidden nothing is taken away but by hand (`slipway gc`).
 * Gives what ends the trying to make it.
 */
export function startGcSchedule(
  { level, logger, connections }: Pick<Parts, 'level' | 'logger' | 'connections'>,
  client: Client,
): () => Promise<void> {
  return keepSchedule({ logger }, client, {
    what: 'collects what nobody uses any more',
    installation: connections,
    options: async () =>
      gcSchedule(level, collectorIntervalMs(await readServerConfig(connections.serverConfig))),
  });
}

export function gcScheduleId(level: Level): string {
  return `gc-${level}`;
}

function gcSchedule(level: Level, every: number): ScheduleOptions {
  const input: CollectInput = { level, dryRun: false };
  return {
    scheduleId: gcScheduleId(level),
    // One level after the other: the highest one collects the blobs of what the others have removed.
    spec: { intervals: [{ every, offset: (every / 100) * level }] },
    policies: {
      overlap: ScheduleOverlapPolicy.SKIP,
      // On a machine that is switched off at night it is made up for in the morning.
      catchupWindow: every,
    },
    action: {
      type: 'startWorkflow',
      workflowType: 'gc',
      workflowId: `gc/${level}`,
      taskQueue: queueName('control', level),
      args: [input],
      workflowExecutionTimeout: '1d',
    },
  };
}
