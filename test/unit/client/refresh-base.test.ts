import { expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { refreshBase } from '../../../client/refresh-base.ts';
import { emptyStore } from '../../../store/empty-store.ts';

it('Waiting for a refresh ends when the person leaves', async () => {
  const base = { project: 'demo', level: 1, platform: 'linux/amd64', reference: 'debian:bookworm' } as const;
  const leaving = new AbortController();
  // The person leaves once the wait has begun.
  const result = (): Promise<never> => {
    setImmediate(() => leaving.abort(new Error('left')));
    return new Promise(() => undefined);
  };
  const client = { workflow: { start: () => Promise.resolve({ result }) } } as unknown as Client;

  const refreshed = refreshBase(
    { store: emptyStore(), askTemporal: (_level, work) => work(client) },
    base,
    leaving.signal,
  );

  await expect(refreshed).rejects.toThrow('left');
});
