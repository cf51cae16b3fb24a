import { describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { cancelRunning, isRunning } from '../../../client/running-workflows.ts';

/** A server that knows one workflow, or none, and takes every request to cancel. */
class FakeServer {
  asked = 0;
  readonly client: Pick<Client, 'workflow'>;

  constructor(status: string | undefined) {
    const handle = {
      describe: () =>
        status === undefined
          ? Promise.reject(new WorkflowNotFoundError('not found', 'id', undefined))
          : Promise.resolve({ status: { name: status } }),
      cancel: () => Promise.resolve(void (this.asked += 1)),
    };
    this.client = { workflow: { getHandle: () => handle } } as unknown as Pick<Client, 'workflow'>;
  }
}

describe('a workflow', () => {
  it.each([
    ['RUNNING', true],
    ['COMPLETED', false],
    ['CANCELLED', false],
    [undefined, false],
  ])('that is %s is asked to cancel: %s', async (status, asked) => {
    const server = new FakeServer(status);

    expect(await isRunning(server.client, 'id')).toBe(asked);
    expect(await cancelRunning(server.client, 'id')).toBe(asked);
    expect(server.asked).toBe(asked ? 1 : 0);
  });
});
