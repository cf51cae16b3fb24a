import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { ScheduleNotFoundError, WorkflowNotFoundError } from '@temporalio/client';
import type { Level } from '../../../model/pure/ids.ts';
import type { Diagnosis } from '../../../model/schema/diagnosis.ts';
import { Ailment, diagnosed } from '../../../stack/doctor/diagnosed.ts';
import { gcScheduleId } from '../../../workers/gc-schedule.ts';
import { troubleOf } from '../../../workers/temporal-trouble.ts';
import { formatDuration } from '../render/quantities.ts';

const DAY_MS = 86_400_000;
/** After so long without a collection that came to its end something is wrong; or after so many intervals, where that is longer. */
const PATIENCE_MS = 3 * DAY_MS;
const PATIENCE_INTERVALS = 3;
/** What a schedule is like only a worker within the server can say, which may have just begun or have much to do. */
const DESCRIBE_TRIES = 4;
const DESCRIBE_PAUSE_MS = 1_000;

type Asked = Pick<Client, 'schedule' | 'workflow'>;

/** When the last collection of each level came to its end, as far as Temporal remembers. `time`: the server's clock, milliseconds since 1970. */
export function lookAtCollections(
  clients: readonly { readonly level: Level; readonly client: Asked }[],
  time: number,
): Promise<Diagnosis> {
  return diagnosed('collections', 'Look into the pages of Temporal', async () => {
    const levels = await Promise.all(
      clients.map(async ({ level, client }) => ({ level, ...(await lookAtLevel(client, level, time)) })),
    );
    const message = levels.map(({ level, told }) => `level ${level}: ${told}`).join('; ');
    const late = levels.filter(({ isLate }) => isLate).map(({ level }) => level);
    if (late.length === 0) return { message };
    const names = late.map((level) => `gc/${level}-…`).join(', ');
    const byHand = late.map((level) => `slipway gc --level ${level}`).join(' && ');
    throw new Ailment(
      message,
      `Look what became of the workflows ${names} in the pages of Temporal; by hand: ${byHand}`,
    );
  });
}

async function lookAtLevel(
  client: Asked,
  level: Level,
  time: number,
): Promise<{ readonly told: string; readonly isLate: boolean }> {
  const schedule = await findSchedule(client, level);
  if (!schedule) return { told: 'on no schedule', isLate: false };
  if (schedule.state.paused) return { told: 'paused', isLate: false };
  const { createdAt, recentActions } = schedule.info;
  const { endedMs, trouble, isGoingOn, isForgotten } = await findLastEnd(client, recentActions);
  const everyMs = schedule.spec.intervals?.[0]?.every ?? 0;
  const sinceMs = time - (endedMs ?? createdAt.getTime());
  const isLong = sinceMs > Math.max(PATIENCE_MS, PATIENCE_INTERVALS * everyMs);
  // After a rest the first one may be at work; of some that failed, what was before them may be forgotten.
  const isLate = trouble === undefined ? isLong && !isGoingOn : isLong || isForgotten;
  const why = trouble === undefined ? '' : ` (the last one failed: ${trouble})`;
  if (isLate) return { told: `none has ended well for ${isForgotten ? 'long' : ago(sinceMs)}${why}`, isLate };
  return {
    told: `${endedMs === undefined ? 'none has ended yet' : `ended ${ago(sinceMs)} ago`}${why}`,
    isLate,
  };
}

type Schedule = Awaited<ReturnType<ReturnType<Client['schedule']['getHandle']>['describe']>>;

async function findSchedule({ schedule }: Asked, level: Level): Promise<Schedule | undefined> {
  const handle = schedule.getHandle(gcScheduleId(level));
  for (let tries = 1; ; tries += 1) {
    try {
      return await handle.describe();
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return undefined;
      if (tries === DESCRIBE_TRIES)
        throw new Error(`the schedule of level ${level} cannot be read: ${troubleOf(error).reason}`);
    }
    await delay(DESCRIBE_PAUSE_MS);
  }
}

interface LastEnd {
  /** When the last one came to its end; of one that is forgotten, when it began. */
  readonly endedMs?: number;
  /** What became of the last of those that came to none since. */
  readonly trouble: string | undefined;
  readonly isGoingOn: boolean;
  readonly isForgotten: boolean;
}

async function findLastEnd(client: Asked, actions: Schedule['info']['recentActions']): Promise<LastEnd> {
  let trouble: string | undefined;
  let isGoingOn = false;
  for (const { action, takenAt } of actions.toReversed()) {
    const end = await findEnd(client, action.workflow);
    if (end === 'forgotten')
      return { endedMs: takenAt.getTime(), trouble, isGoingOn, isForgotten: trouble !== undefined };
    if ('endedMs' in end) return { ...end, trouble, isGoingOn, isForgotten: false };
    if ('trouble' in end) trouble ??= end.trouble;
    else isGoingOn = true;
  }
  return { trouble, isGoingOn, isForgotten: false };
}

type End =
  'forgotten' | { readonly endedMs: number } | { readonly trouble: string } | { readonly isGoingOn: true };

async function findEnd(
  { workflow }: Asked,
  { workflowId, firstExecutionRunId }: Schedule['info']['recentActions'][number]['action']['workflow'],
): Promise<End> {
  const handle = workflow.getHandle(workflowId, firstExecutionRunId);
  try {
    const { status, closeTime } = await handle.describe();
    if (status.name === 'RUNNING') return { isGoingOn: true };
    if (status.name !== 'COMPLETED') return { trouble: status.name.toLowerCase().replace('_', ' ') };
    const result: unknown = await handle.result();
    if (typeof result === 'object' && result !== null && 'trouble' in result)
      return { trouble: String(result.trouble) };
    return { endedMs: closeTime?.getTime() ?? 0 };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'forgotten';
    throw error;
  }
}

function ago(ms: number): string {
  return ms < 2 * DAY_MS ? formatDuration(Math.max(0, ms)) : `${Math.floor(ms / DAY_MS)} days`;
}
