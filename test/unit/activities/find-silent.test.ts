import { describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { findSilent } from '../../../activities/find-silent.ts';
import { imageTaskId, pushId as idOf } from '../../../model/pure/ids.ts';
import type { OpenWork } from '../../../model/pure/settle-payloads.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { pushKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPushInput } from '../../helpers/push-input.ts';

const signal = new AbortController().signal;
const taskIdOf = (name: string): string =>
  imageTaskId({ domain: 'demo', level: 1, name, imageHash: 'a'.repeat(64) });

interface Fakes {
  readonly client: Client;
  /** What was asked, `describe ID` or `query ID`, with how often. */
  readonly asked: Map<string, number>;
}

/** A server on which everything runs but what has a status here, and which knows what waits for which images. */
function aServer(
  waits: (id: string) => readonly string[],
  statuses: Readonly<Record<string, string>> = {},
  broken: readonly string[] = [],
): Fakes {
  const asked = new Map<string, number>();
  const count = (what: string): void => void asked.set(what, (asked.get(what) ?? 0) + 1);
  const getHandle = (id: string): object => ({
    describe: () => {
      count(`describe ${id}`);
      return Promise.resolve({ status: { name: statuses[id] ?? 'RUNNING' }, runId: `run of ${id}` });
    },
    query: (): Promise<OpenWork> => {
      count(`query ${id}`);
      if (broken.includes(id)) return Promise.reject(new Error('it does not answer'));
      const images = waits(id).map((name) => ({ taskId: taskIdOf(name), name }));
      return Promise.resolve({ pushId: pushIds[0] ?? '', plannedAt: '', tasks: [], images });
    },
  });
  const list = async function* (): AsyncGenerator<never> {};
  return { client: { workflow: { getHandle, list } } as unknown as Client, asked };
}

const pushes = Array.from({ length: 30 }, (_, i) =>
  aPushInput({ revision: String(i).padStart(40, '0'), received: '2026-01-01T00:00:00.000Z' }),
);
const pushIds = pushes.map((push) => idOf(push));
const chain = Array.from({ length: 10 }, (_, i) => `image-${i}`);
/** Each push waits for all images, and each of these for the one before it. */
const waitsOf = (id: string): readonly string[] => {
  if (id.startsWith('push/')) return chain;
  const at = chain.findIndex((name) => taskIdOf(name) === id);
  return chain.slice(Math.max(0, at - 1), at);
};

async function aStore(): Promise<{ readonly store: Store; readonly statusReads: () => number }> {
  const objects = createMemoryObjectStore();
  let reads = 0;
  const statuses = new Set(pushIds.map((id) => pushKey(id, 'status')));
  const store = createStore({
    ...objects,
    get: (key, ...rest) => {
      if (statuses.has(key)) reads += 1;
      return objects.get(key, ...rest);
    },
  });
  for (const push of pushes) await receivePush(store, { push, pushId: idOf(push) }, 'demo');
  return { store, statusReads: () => reads };
}

describe('a look at pushes that wait for the same images', () => {
  it('asks each image once, and reads no status of a push that runs', async () => {
    const { store, statusReads } = await aStore();
    const { client, asked } = aServer(waitsOf);
    const before = statusReads();

    const found = await findSilent({ client, store }, 1, { signal, onTrouble: () => undefined });

    expect(found).toEqual([]);
    expect([...asked.keys()].sort()).toEqual(
      [...pushIds, ...chain.map(taskIdOf)].flatMap((id) => [`describe ${id}`, `query ${id}`]).sort(),
    );
    expect(Math.max(...asked.values())).toBe(1);
    expect(statusReads() - before).toBe(0);
  });

  it('finds an image that ended without a word for each push and each image that waits for it', async () => {
    const { store } = await aStore();
    const { client } = aServer(waitsOf, { [taskIdOf('image-3')]: 'COMPLETED' });

    const found = await findSilent({ client, store }, 1, { signal, onTrouble: () => undefined });

    const waiting = found.map((silent) => silent.kind === 'image' && silent.requester);
    expect(waiting.sort()).toEqual([taskIdOf('image-4'), ...pushIds].sort());
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set([taskIdOf('image-3')]));
  });

  it('finds it also when something else that was asked on the way does not answer', async () => {
    const { store } = await aStore();
    const { client } = aServer(waitsOf, { [taskIdOf('image-3')]: 'COMPLETED' }, [
      taskIdOf('image-7'),
      pushIds[4] ?? '',
    ]);
    const trouble: string[] = [];

    const found = await findSilent({ client, store }, 1, {
      signal,
      onTrouble: (id) => void trouble.push(id),
    });

    expect(trouble).toHaveLength(2);
    expect(trouble).toContain(pushIds[4]);
    const waiting = found.map((silent) => silent.kind === 'image' && silent.requester);
    expect(waiting).toContain(taskIdOf('image-4'));
    expect(waiting).toHaveLength(pushIds.length);
  });

  it('reads the status of a push that has ended before it says so', async () => {
    const { store } = await aStore();
    const [ended = ''] = pushIds;
    const { client } = aServer(() => [], { [ended]: 'FAILED' });

    const found = await findSilent({ client, store }, 1, { signal, onTrouble: () => undefined });

    expect(found).toEqual([
      {
        kind: 'push',
        id: ended,
        end: { how: 'failed', runId: `run of ${ended}`, detail: expect.any(String) },
        before: await store.pushes.findStatus(ended),
      },
    ]);
  });
});
