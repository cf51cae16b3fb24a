import { setTimeout as delay } from 'node:timers/promises';
import type { Client, ScheduleOptions } from '@temporalio/client';
import { isGrpcServiceError, ScheduleAlreadyRunning } from '@temporalio/client';
import type { Parts } from './parts.ts';

const TRY_AGAIN_MS = 5_000;
/** A server that hangs is asked again after this time. */
const PATIENCE_MS = 10_000;

/** gRPC's codes of a server that will never make a schedule: whoever runs it may forbid them. */
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;

/**
 * Sees to it that a schedule stands: tries until it is made or turns out to be forbidden. `what` says for people what it does.
 * Gives what ends the trying.
 */
export function keepSchedule(
  { logger }: Pick<Parts, 'logger'>,
  client: Client,
  {
    what,
    options,
  }: { readonly what: string; readonly options: () => Promise<ScheduleOptions> | ScheduleOptions },
): () => Promise<void> {
  const stop = new AbortController();
  const keepTrying = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        const ends = AbortSignal.any([stop.signal, AbortSignal.timeout(PATIENCE_MS)]);
        const wanted = await options();
        return await client.withAbortSignal(ends, () => ensureSchedule(client, wanted));
      } catch (error) {
        if (stop.signal.aborted) return;
        const isForbidden = [PERMISSION_DENIED, UNIMPLEMENTED].includes(codeOf(error) ?? -1);
        const trouble = `The schedule that ${what} cannot be made`;
        logger.warn(
          { error },
          isForbidden ? `${trouble}: the server forbids it` : `${trouble}; it is tried again`,
        );
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
async function ensureSchedule(client: Client, options: ScheduleOptions): Promise<void> {
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

/** The client wraps what gRPC says into an error of its own. */
function codeOf(error: unknown): number | undefined {
  const inner = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return isGrpcServiceError(inner) ? inner.code : undefined;
}
