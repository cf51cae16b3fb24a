import type { Client } from '@temporalio/client';
import { pollersOf } from './pollers.ts';

/** Which of some queues of one namespace no worker polls. `time`: the server's clock, milliseconds since 1970. */
export async function silentQueues(
  client: Pick<Client, 'workflowService'>,
  namespace: string,
  queues: readonly string[],
  time: number,
): Promise<readonly string[]> {
  const answers = await Promise.all(
    queues.map(async (name) => {
      const types = name.startsWith('control-')
        ? (['workflows', 'activities'] as const)
        : (['activities'] as const);
      const pollers = await Promise.all(
        types.map((type) => pollersOf(client, { namespace, name, type }, time)),
      );
      return pollers.every(({ length }) => length > 0) ? [] : [name];
    }),
  );
  return answers.flat();
}
