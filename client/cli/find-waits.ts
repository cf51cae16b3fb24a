import { queueName } from '../../model/pure/ids.ts';
import type { Level } from '../../model/pure/ids.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import type { SlipwayApi } from '../api.ts';

/**
 * The queues that a push has something in and that no worker polls, so that it waits; of `but` it is known already. None when Temporal
 * does not say, since how a push stands is told without it too.
 */
export async function findWaits(
  api: Pick<SlipwayApi, 'silentQueues'>,
  document: PushDocument,
  but: ReadonlySet<string> = new Set(),
): Promise<readonly string[]> {
  const queues = queuesOf(document).filter((queue) => !but.has(queue));
  return findSilent(api, document.level as Level, queues);
}

/** Which of some queues no worker polls; none when Temporal does not say. */
export async function findSilent(
  api: Pick<SlipwayApi, 'silentQueues'>,
  level: Level,
  queues: readonly string[],
): Promise<readonly string[]> {
  if (queues.length === 0) return [];
  return api.silentQueues(level, queues).catch(() => []);
}

/** Of so many tasks it is asked; what holds them up is mostly the same. */
const ASKED = 20;

/** What the machines lack that refused to begin tasks of a push, by label. Nothing when Temporal does not say. */
export async function findHeldUp(
  api: Pick<SlipwayApi, 'heldUp'>,
  { level, tasks }: PushDocument,
): Promise<ReadonlyMap<string, string>> {
  const pending = tasks.filter(({ state }) => state === 'pending').slice(0, ASKED);
  if (pending.length === 0) return new Map();
  const ids = pending.map(({ taskId }) => taskId);
  const found = await api.heldUp(level as Level, ids).catch(() => new Map<string, string>());
  return new Map(
    pending.flatMap(({ label, taskId }) => {
      const lacking = found.get(taskId);
      return lacking === undefined ? [] : [[label, lacking] as const];
    }),
  );
}

/** How the planning of a push goes that has no plan yet. Nothing when Temporal does not say. */
export async function findPlanning(
  api: Pick<SlipwayApi, 'planning'>,
  { id, state, decisionMs }: PushDocument,
): Promise<string | undefined> {
  if (state !== 'running' || decisionMs !== undefined) return undefined;
  return api.planning(id).catch(() => undefined);
}

/** The queues that a push has something in. */
export function queuesOf({ state, level, images, tasks }: PushDocument): readonly string[] {
  if (state !== 'running') return [];
  const builds = images.some(({ outcome }) => outcome === 'pending');
  const ofTasks = tasks.flatMap(({ queue }) => (queue === undefined ? [] : [queue]));
  return [
    queueName('control', level as Level),
    ...(builds ? [queueName('builder', level as Level)] : []),
    ...new Set(ofTasks),
  ];
}

/** What is said of a queue that nobody polls. Who builds, or runs tasks, asks for no more while all its places are taken. */
export function waitText(queue: string): string {
  const mayBeBusy = !queue.startsWith('control-');
  return `no worker polls ${queue}${mayBeBusy ? ' (none runs, or all are busy)' : ''}`;
}
