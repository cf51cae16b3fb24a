import { setTimeout as delay } from 'node:timers/promises';
import type { Client, ScheduleOptions } from '@temporalio/client';
import { isGrpcServiceError, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Level } from '../model/pure/ids.ts';
import { queueName } from '../model/pure/ids.ts';
import type { SettleInput } from '../model/pure/settle-payloads.ts';
import type { Parts } from './parts.ts';

/** What is terminated by hand is recorded within this time and the two looks. */
const EVERY = '30s';

const TRY_AGAIN_MS = 5_000;
/** A server that hangs is asked again after this time. */
const PATIENCE_MS = 10_000;

/** gRPC's codes of a server that will never make a schedule: whoever runs it may forbid them. */
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;

/**
 * Sees to it that the schedule stands that settles what ended without a word, one a level: tries until it is made or turns out
 * to be forbidden. Without it everything goes on but what is ended by hand. Gives what ends the trying.
 */
export function startSettleSchedule(
  { level, logger }: Pick<Parts, 'level' | 'logger'>,
  client: Client,
): () => Promise<void> {
  const stop = new AbortController();
  const keepTrying = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        const ends = AbortSignal.any([stop.signal, AbortSignal.timeout(PATIENCE_MS)]);
        return await client.withAbortSignal(ends, () => ensureSettleSchedule(client, level));
      } catch (error) {
        if (stop.signal.aborted) return;
        const isForbidden = [PERMISSION_DENIED, UNIMPLEMENTED].includes(codeOf(error) ?? -1);
        const what = 'The schedule that settles ended workflows cannot be made';
        logger.warn({ error }, isForbidden ? `${what}: the server forbids it` : `${what}; it is tried again`);
        if (isForbidden) return;
        await delay(TRY_AGAIN_MS, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  };
  const trying = keepTrying();
  return async () => {
    stop.abort();
    await trying;
  };
}

/** Makes the schedule, or makes the one that is there what this version wants; one that somebody has paused stays so. */
async function ensureSettleSchedule(client: Client, level: Level): Promise<void> {
  const options = settleSchedule(level);
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const { action, spec, policies } = options;
    await client.schedule
      .getHandle(options.scheduleId)
      .update(({ state }) => ({ action, spec, ...(policies ? { policies } : {}), state }));
  }
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

/** The client wraps what gRPC says into an error of its own. */
function codeOf(error: unknown): number | undefined {
  const inner = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return isGrpcServiceError(inner) ? inner.code : undefined;
}
