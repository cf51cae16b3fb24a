import type { World } from './world.ts';

/** One time that a task asked who takes its run, as the server has written it down. */
export interface Claim {
  readonly queue: string;
  /** How long it waits there for an answer; absent where that may take as long as it takes. */
  readonly patienceMs?: number;
  readonly askedMs: number;
  readonly endedMs: number;
  readonly isTaken: boolean;
}

interface Span {
  readonly seconds?: unknown;
  readonly nanos?: number | null;
}

/** All claims of a task's runs, in their order. */
export async function claimsOf(world: World, taskId: string): Promise<readonly Claim[]> {
  const { events } = await world.temporal.workflow.getHandle(taskId).fetchHistory();
  const ends = new Map(
    (events ?? []).flatMap((event) => {
      const taken = event.activityTaskCompletedEventAttributes;
      const end =
        taken ?? event.activityTaskTimedOutEventAttributes ?? event.activityTaskFailedEventAttributes;
      return end
        ? [[String(end.scheduledEventId), { isTaken: Boolean(taken), at: msOf(event.eventTime) }]]
        : [];
    }),
  );
  return (events ?? []).flatMap(({ eventId, eventTime, activityTaskScheduledEventAttributes: asked }) => {
    const end = ends.get(String(eventId));
    if (asked?.activityType?.name !== 'claimRun' || !end) return [];
    const patienceMs = msOf(asked.scheduleToStartTimeout);
    return {
      queue: asked.taskQueue?.name ?? '',
      ...(patienceMs === 0 ? {} : { patienceMs }),
      askedMs: msOf(eventTime),
      endedMs: end.at,
      isTaken: end.isTaken,
    };
  });
}

function msOf(span: Span | null | undefined): number {
  return Number(span?.seconds ?? 0) * 1000 + (span?.nanos ?? 0) / 1_000_000;
}
