import { describe, expect, it } from '@jest/globals';
import { reachTemporal } from '../../../client/reach-temporal.ts';
import { startAnsweringGrpcServer } from '../../helpers/answering-grpc-server.ts';

describe('a Temporal server that is asked for a push', () => {
  const start = async (address: string): Promise<unknown> => {
    const temporal = reachTemporal({ address, namespace: 'default' });
    try {
      return await temporal.ask(1, ({ workflow }) =>
        workflow.start('push', { workflowId: 'push/demo/1/x', taskQueue: 'control-1' }),
      );
    } finally {
      await temporal.close();
    }
  };

  it.each([
    ['PERMISSION_DENIED', 7],
    ['UNAUTHENTICATED', 16],
  ])('is told apart from one that is away where it refuses who asks: %s', async (_name, status) => {
    await using server = await startAnsweringGrpcServer(status, 'Request unauthorized.');

    await expect(start(server.address)).rejects.toMatchObject({
      type: 'ConfigInvalid',
      message: `Temporal at ${server.address} refuses who we are: Request unauthorized. Set TEMPORAL_API_KEY, or what TEMPORAL_TLS_… name, to credentials that hold`,
    });
  });

  it('speaks for itself otherwise', async () => {
    await using server = await startAnsweringGrpcServer(3, 'SlipwayProject is not defined.');

    await expect(start(server.address)).rejects.toMatchObject({
      message: 'Failed to start Workflow',
      cause: { details: 'SlipwayProject is not defined.' },
    });
  });
});
