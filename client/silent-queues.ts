import type { Client } from '@temporalio/client';

/** A poller asks anew after a minute at the latest; the server lists it for five minutes. */
const POLL_AGE_MS = 75_000;

/** Types of tasks in the server's words: those of workflows are polled apart from those of activities. */
const WORKFLOW_TASKS = 1;
const ACTIVITY_TASKS = 2;

/** Which of some queues of one namespace no worker polls. `time`: the server's clock, milliseconds since 1970. */
export async function silentQueues(
  { workflowService }: Pick<Client, 'workflowService'>,
  namespace: string,
  queues: readonly string[],
  time: number,
): Promise<readonly string[]> {
  const isPolled = async (name: string, taskQueueType: number): Promise<boolean> => {
    const taskQueue = { name };
    const { pollers } = await workflowService.describeTaskQueue({ namespace, taskQueue, taskQueueType });
    const seen = (pollers ?? []).map(({ lastAccessTime }) => 1000 * Number(lastAccessTime?.seconds ?? 0));
    return seen.some((lastMs) => time - lastMs < POLL_AGE_MS);
  };
  const answers = await Promise.all(
    queues.map(async (name) => {
      const types = name.startsWith('control-') ? [WORKFLOW_TASKS, ACTIVITY_TASKS] : [ACTIVITY_TASKS];
      const polled = await Promise.all(types.map((type) => isPolled(name, type)));
      return polled.every(Boolean) ? [] : [name];
    }),
  );
  return answers.flat();
}
