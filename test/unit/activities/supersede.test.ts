import { expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { supersede } from '../../../activities/supersede.ts';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { pushKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { aPushInput } from '../../helpers/push-input.ts';

it('A push whose status is damaged is told too that a newer one takes its place: it may run; one without a record of its own keeps nobody else from hearing', async () => {
  const objects = createMemoryObjectStore();
  const store = createStore(objects);
  const older = aPushInput({ received: '2026-01-01T00:01:00.000Z' });
  const damaged = aPushInput({ received: '2026-01-01T00:00:30.000Z', revision: 'c'.repeat(40) });
  const newer = aPushInput({ received: '2026-01-01T00:02:00.000Z', revision: 'b'.repeat(40) });
  for (const push of [damaged, older]) await receivePush(store, { push, pushId: idOf(push) }, 'demo');
  await objects.put(pushKey(idOf(damaged), 'push'), Buffer.from('{"version": 1'), {});
  await objects.put(pushKey(idOf(older), 'status'), Buffer.from('{"version": 1'), {});
  const told: string[] = [];
  const getHandle = (id: string): object => ({
    signal: () => {
      told.push(id);
      throw new WorkflowNotFoundError('It has ended', id, undefined);
    },
  });
  const client = { workflow: { getHandle } } as unknown as Client;

  await supersede({ client, store }, { pushId: idOf(newer), push: newer }, new AbortController().signal);

  expect(told).toEqual([idOf(older)]);
});
