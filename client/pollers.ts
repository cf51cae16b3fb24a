import type { Client } from '@temporalio/client';

/** A poller asks anew after a minute at the latest; the server lists it for five minutes. */
const POLL_AGE_MS = 75_000;

/** Types of tasks in the server's words: those of workflows are polled apart from those of activities. */
const TYPES = { workflows: 1, activities: 2 } as const;

export interface Poller {
  /** What it calls itself: of a worker, its host and process. */
  readonly identity: string;
  /** What it calls its code. */
  readonly buildId: string;
}

/** Who polls a queue for work of one type. `time`: the server's clock, milliseconds since 1970. */
export async function pollersOf(
  { workflowService }: Pick<Client, 'workflowService'>,
  queue: { readonly namespace: string; readonly name: string; readonly type: keyof typeof TYPES },
  time: number,
): Promise<readonly Poller[]> {
  const { pollers } = await workflowService.describeTaskQueue({
    namespace: queue.namespace,
    taskQueue: { name: queue.name },
    taskQueueType: TYPES[queue.type],
  });
  return (pollers ?? [])
    .filter(({ lastAccessTime }) => time - 1000 * Number(lastAccessTime?.seconds ?? 0) < POLL_AGE_MS)
    .map(({ identity, workerVersionCapabilities }) => ({
      identity: identity ?? '',
      buildId: workerVersionCapabilities?.buildId ?? '',
    }));
}
