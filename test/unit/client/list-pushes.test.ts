import { beforeEach, describe, expect, it } from '@jest/globals';
import { lookAtPushes } from '../../../client/cli/doctor/look-at-pushes.ts';
import { listDocuments, listPushes } from '../../../client/list-pushes.ts';
import { pushId as idOf, taskIdIn } from '../../../model/pure/ids.ts';
import { composeDocument } from '../../../steps/push-document.ts';
import { recordPush } from '../../../steps/read-push.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { pushKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';

const received = '2026-01-02T03:04:05.000Z';
const push = aPushInput({ pushedBy: 'anne', received });
const pushId = idOf(push);
const plannedAt = '2026-01-02T03:04:06.000Z';
const file = 'version: 1\ntasks: { a: { image: debian }, b: { image: debian } }\n';

let objects: ObjectStore;
let store: Store;
let keysRead: string[];
beforeEach(async () => {
  objects = createMemoryObjectStore();
  keysRead = [];
  const get: typeof objects.get = (key, signal) => {
    keysRead.push(key);
    return objects.get(key, signal);
  };
  store = createStore({ ...objects, get });
  await receivePush(store, { push, pushId }, 'demo');
});

/** As planning does. */
async function planned(): Promise<void> {
  const plan = aPlanOf(push, { plannedAt, file });
  await store.pushes.writePlan(plan);
  const record = await receivePush(store, { push, pushId }, 'demo');
  const nothing = { findings: [], outcomes: [], taskRecords: new Map() };
  await store.pushes.writeStatus(composeDocument({ record, plan, ...nothing }));
}

async function completed(label: string): Promise<void> {
  const taskId = taskIdIn(pushId, label);
  const times = { plannedAt, created: plannedAt, resolved: plannedAt };
  await store.tasks.change(taskId, () => ({
    ...{ version: 1, taskId, label, state: 'completed', ...times, runs: [] },
  }));
}

it('A push is listed before it is planned', async () => {
  const shown = { id: pushId, ref: 'refs/heads/main', pushedBy: 'anne', received, state: 'running' };

  expect(await listPushes(store, { limit: 5 })).toEqual([{ ...shown, tasks: 0 }]);
  expect(await listDocuments(store, { limit: 5 })).toMatchObject([{ ...shown, tasks: [] }]);
});

it('A push is listed by its own record, however many tasks it has; what a verdict says of them is told', async () => {
  await planned();
  await completed('a');
  keysRead = [];

  expect(await listPushes(store, { limit: 5 })).toMatchObject([
    { id: pushId, pushedBy: 'anne', state: 'running', tasks: 2 },
  ]);
  expect((await listPushes(store, { limit: 5 }))[0]).not.toHaveProperty('completed');
  expect(keysRead.filter((key) => !key.endsWith('/status.json') || key.includes('/tasks/'))).toEqual([]);

  await recordPush(store, { pushId, plannedAt, images: [], verdict: { reason: 'failed' } });
  expect(await listPushes(store, { limit: 5 })).toMatchObject([
    { state: 'failed', reason: 'failed', resolved: expect.any(String), tasks: 2, completed: 1 },
  ]);
});

it('Documents are of a push that runs as its tasks stand, of one that is resolved as its record says', async () => {
  await planned();
  await completed('a');
  const states = async (): Promise<readonly string[]> =>
    (await listDocuments(store, { limit: 5 })).flatMap((document) =>
      'tasks' in document
        ? [document.state, ...document.tasks.map(({ label, state }) => `${label} ${state}`)]
        : 'unread',
    );

  expect(await states()).toEqual(['running', 'a completed', 'b pending']);

  await recordPush(store, { pushId, plannedAt, images: [], verdict: { reason: 'failed' } });
  expect((await states())[0]).toBe('failed');
});

describe('a push whose record is damaged', () => {
  const other = aPushInput({ revision: 'b'.repeat(40), received: '2026-01-03T03:04:05.000Z' });
  const remedy = `slipway push --rev ${push.revision.slice(0, 12)} --again`;
  beforeEach(async () => {
    await planned();
    await receivePush(store, { push: other, pushId: idOf(other) }, 'demo');
  });

  it.each([
    ['cut', '{"version": 1, "id": "pu'],
    ['emptied', ''],
    ['of something else', '{"version": 1}'],
  ])('(%s) is listed as such, with what mends it, and the others as ever', async (_how, text) => {
    await objects.put(pushKey(pushId, 'status'), Buffer.from(text), {});
    const damaged = expect.stringMatching(
      new RegExp(`^Record .*/status\\.json in the store is damaged: [^\n]+; .*${remedy}`),
    );

    for (const list of [listPushes, listDocuments])
      expect(await list(store, { limit: 5 })).toEqual([
        expect.objectContaining({ id: idOf(other), state: 'running' }),
        { id: pushId, received, damaged },
      ]);
  });

  it('is listed as a newer version’s where that wrote it, and doctor says which machine is too old', async () => {
    const status = await store.pushes.findStatus(pushId);
    await objects.put(
      pushKey(pushId, 'status'),
      Buffer.from(JSON.stringify({ ...status, state: 'new' })),
      {},
    );
    const newer = expect.stringMatching(/^Slipway on .* is too old for record .*: upgrade it there$/);

    for (const list of [listPushes, listDocuments])
      expect((await list(store, { limit: 5 }))[1]).toEqual({ id: pushId, received, newer });
    expect(await lookAtPushes(store)).toMatchObject({ ok: false, todo: newer });
  });

  it('is found by doctor', async () => {
    expect(await lookAtPushes(store)).toMatchObject({ part: 'pushes', ok: true });

    await objects.put(pushKey(pushId, 'status'), Buffer.from('{'), {});

    expect(await lookAtPushes(store)).toMatchObject({
      ok: false,
      message: '1 of the newest 2 cannot be read',
      todo: expect.stringContaining(remedy),
    });
  });
});
