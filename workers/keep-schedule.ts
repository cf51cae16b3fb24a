import { setTimeout as delay } from 'node:timers/promises';
import type { Client, ScheduleOptions } from '@temporalio/client';
import { isGrpcServiceError, ScheduleAlreadyRunning } from '@temporalio/client';
import type { Connections } from '../model/schema/connections.ts';
import type { Parts } from './parts.ts';

const TRY_AGAIN_MS = 5_000;
/** A server that hangs is asked again after this time. */
const PATIENCE_MS = 10_000;

/** gRPC's codes of a server that will never make a schedule: whoever runs it may forbid them. */
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;

const TAKEN_OVER =
  'This schedule was another installation’s; if that one still runs, both take each other’s work: give each a namespace and a bucket of its own';

/** Of what a schedule starts: whose it is. */
const INSTALLATION = 'slipwayInstallation';

/** What makes an installation one, whatever worker looks. */
export type Installation = Pick<Connections, 'fleet'> & {
  readonly store: Pick<Connections['store'], 'bucket'>;
};

/**
 * Sees to it that a schedule stands: tries until it is made or turns out to be forbidden. `what` says for people what it does. Warns where
 * it was another installation's: two in one namespace take each other's work. Gives what ends the trying.
 */
export function keepSchedule(
  { logger }: Pick<Parts, 'logger'>,
  client: Client,
  {
    what,
    installation: { fleet, store },
    options,
  }: {
    readonly what: string;
    readonly installation: Installation;
    readonly options: () => Promise<ScheduleOptions> | ScheduleOptions;
  },
): () => Promise<void> {
  const stop = new AbortController();
  const keepTrying = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        const ends = AbortSignal.any([stop.signal, AbortSignal.timeout(PATIENCE_MS)]);
        const wanted = withOwner(await options(), `fleet ${fleet}, bucket ${store.bucket}`);
        const other = await client.withAbortSignal(ends, () => ensureSchedule(client, wanted));
        if (other !== undefined) logger.warn({ schedule: wanted.scheduleId, other }, TAKEN_OVER);
        return;
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

function withOwner(options: ScheduleOptions, owner: string): ScheduleOptions {
  return { ...options, action: { ...options.action, memo: { [INSTALLATION]: owner } } };
}

/**
 * Makes the schedule, or makes the one that is there what this version wants; one that somebody has paused stays so. Gives whose it was
 * when it was another's.
 */
async function ensureSchedule(client: Client, options: ScheduleOptions): Promise<unknown> {
  const { action, spec, policies, scheduleId } = options;
  try {
    await client.schedule.create(options);
    return undefined;
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    let owner: unknown;
    await client.schedule.getHandle(scheduleId).update(({ action: before, state }) => {
      owner = before.memo?.[INSTALLATION];
      return { action, spec, ...(policies ? { policies } : {}), state };
    });
    return owner === action.memo?.[INSTALLATION] ? undefined : owner;
  }
}

/** The client wraps what gRPC says into an error of its own. */
function codeOf(error: unknown): number | undefined {
  const inner = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return isGrpcServiceError(inner) ? inner.code : undefined;
}
