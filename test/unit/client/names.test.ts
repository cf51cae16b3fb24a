import { beforeEach, describe, expect, it } from '@jest/globals';
import type { NamingOptions, NewestPush } from '../../../client/names.ts';
import { pushesOfRevision, resolvePushName, resolveTaskName } from '../../../client/names.ts';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import { listByDay } from '../../../store/pushes-by-day.ts';
import type { Store } from '../../../store/store.ts';

const push = {
  project: 'demo',
  level: 3,
  repository: 'file:///srv/demo.git',
  ref: 'refs/heads/main',
  revision: '1a2b3c4d'.padEnd(40, '0'),
  request: {},
  pushedBy: 'anne',
  received: '2026-01-02T03:04:05.000Z',
} as const;
const pushId = idOf(push);

let objects: ObjectStore;
let store: Store;
beforeEach(async () => {
  objects = createMemoryObjectStore();
  store = createStore(objects);
  for (const revision of [push.revision, '1a2c'.padEnd(40, '0')])
    await receivePush(store, { push: { ...push, revision }, pushId: idOf({ ...push, revision }) }, 'demo');
});

describe('a push', () => {
  it.each(['1a2b', '1a2b3c4d', 'demo/3/1a2b3c4d', 'push/demo/3/1a2b3c4d', pushId])(
    'is named by %s',
    async (name) => {
      expect(await resolvePushName(store, name)).toBe(pushId);
    },
  );

  it('is the newest where none is named', async () => {
    const revision = 'beef'.padEnd(40, '0');
    const newest = { ...push, revision, received: '2026-01-03T03:04:05.000Z' };
    await receivePush(store, { push: newest, pushId: idOf(newest) }, 'demo');

    expect(await resolvePushName(store, undefined)).toBe(idOf(newest));
    await expect(resolvePushName(emptyStore(), undefined)).rejects.toThrow('There is no push yet');
  });

  it('is the newest of the checkout’s own projects, where they have any', async () => {
    const other = { ...push, project: 'other', received: '2026-01-04T03:04:05.000Z' };
    const bare = { ...push, project: 'bare', received: '2026-01-03T03:04:05.000Z' };
    for (const each of [bare, other]) await receivePush(store, { push: each, pushId: idOf(each) }, 'x');
    const newestOf = (...projects: string[]): Promise<string> =>
      resolvePushName(store, undefined, { ownProjects: known(...projects) });

    expect(await newestOf('demo', 'bare')).toBe(idOf(bare));
    expect(await newestOf('bare', 'demo')).toBe(idOf(bare));
    expect(await newestOf('none', 'other')).toBe(idOf(other));
    const task = resolveTaskName(store, 'image:a', undefined, { ownProjects: known('bare') });
    await expect(task).rejects.toThrow(`Push ${idOf(bare)} needs no image "a"`);
  });

  it('is the newest of what is checked out, else the newest, which is told', async () => {
    const revision = 'beef'.padEnd(40, '0');
    const newest = { ...push, revision, received: '2026-01-03T03:04:05.000Z', pushedBy: 'bert' };
    await receivePush(store, { push: newest, pushId: idOf(newest) }, 'demo');
    const told: NewestPush[] = [];
    const at = (checkedOut?: string, ...projects: readonly string[]): NamingOptions => ({
      ownProjects: known(...projects),
      checkedOut: () => Promise.resolve(checkedOut),
      onNewest: (each) => told.push(each),
    });

    expect(await resolvePushName(store, undefined, at(push.revision, 'none', 'demo'))).toBe(pushId);
    const asked = {
      ...push,
      level: 1,
      variant: 'abcdefabcdef',
      received: '2026-01-02T13:04:05.000Z',
    } as const;
    await receivePush(store, { push: asked, pushId: idOf(asked) }, 'demo');
    expect(await resolvePushName(store, undefined, at(push.revision, 'demo'))).toBe(idOf(asked));
    const task = resolveTaskName(store, 'image:a', undefined, at(push.revision, 'demo'));
    await expect(task).rejects.toThrow(`Push ${idOf(asked)} needs no image "a"`);
    expect(told).toEqual([]);

    const unpushed = 'f'.repeat(40);
    for (const options of [at(unpushed, 'demo'), at(undefined, 'demo'), at(push.revision)])
      expect(await resolvePushName(store, undefined, options)).toBe(idOf(newest));
    expect(told).toEqual(Array(3).fill({ pushId: idOf(newest), pushedBy: 'bert' }));
  });

  it('is no other project’s where the checkout’s own is known and has none', async () => {
    const guessed = [{ project: 'none', isKnown: false }];
    const newest = (ownProjects: ReturnType<typeof known>): Promise<string> =>
      resolvePushName(store, undefined, { ownProjects });

    await expect(newest(known('none'))).rejects.toThrow('There is no push yet of none, which this checkout');
    expect(await newest(() => Promise.resolve(guessed))).toMatch('push/demo/3/');
    expect(await newest(known())).toMatch('push/demo/3/');
  });

  describe('that more than a thousand others have followed', () => {
    beforeEach(async () => {
      for (let n = 0; n < 1_100; n += 1) {
        const other = { ...push, project: 'other', revision: `${5_000 + n}`.padEnd(40, 'f') };
        const received = new Date(Date.parse(push.received) + n * 600_000 + 1).toISOString();
        await listByDay(objects, { pushId: idOf(other), received });
      }
    });

    it.each(['1a2b', '1a2b3c4d', push.revision, 'demo/3/1a2b3c4d', 'push/demo/3/1a2b3c4d', pushId])(
      'is named by %s',
      async (name) => {
        expect(await resolvePushName(store, name)).toBe(pushId);
      },
    );

    it('is the newest of its project', async () => {
      const newest = { ...push, received: '2026-01-02T03:04:05.500Z', revision: 'beef'.padEnd(40, '0') };
      await receivePush(store, { push: newest, pushId: idOf(newest) }, 'demo');

      for (const isKnown of [true, false]) {
        const ownProjects = () => Promise.resolve([{ project: 'demo', isKnown }]);
        expect(await resolvePushName(store, undefined, { ownProjects })).toBe(idOf(newest));
      }
      expect(await resolvePushName(store, undefined)).toMatch('push/other/3/');
    });

    it('is not named by what several begin with', async () => {
      await expect(resolvePushName(store, 'demo/3/1a2')).rejects.toThrow('names several pushes');
    });
  });

  it.each(['push/demo/3/1a2', 'demo/3/'])('is not named by %s, which several begin with', async (name) => {
    await expect(resolvePushName(store, name)).rejects.toThrow('names several pushes');
  });

  it.each(['push/demo/1/1a2b', 'push/other', '1a2', 'cafe'])('is not named by %s', async (name) => {
    await expect(resolvePushName(store, name)).rejects.toThrow(`No push is named "${name}"`);
  });
});

it('Pushes of a revision are found at its level and above, the newest first, however many others came since', async () => {
  const { project, revision } = push;
  const lower = { ...push, level: 1, received: '2026-01-03T03:04:05.000Z' } as const;
  const asked = { ...push, request: { tasks: ['unit'] }, received: '2026-01-01T03:04:05.000Z' };
  const askedId = idOf({ ...push, variant: 'abcdefabcdef' });
  await receivePush(store, { push: lower, pushId: idOf(lower) }, 'demo');
  await receivePush(store, { push: asked, pushId: askedId }, 'demo');
  for (let n = 0; n < 1_100; n += 1) {
    const level = n % 2 === 0 ? 1 : 3;
    const other = { ...push, level, revision: `${5_000 + n}`.padEnd(40, 'f') } as const;
    const received = new Date(Date.parse('2026-01-05T03:04:05.000Z') + n * 600_000).toISOString();
    await listByDay(objects, { pushId: idOf(other), received });
  }

  expect(await pushesOfRevision(store, { project, level: 1, revision })).toEqual([
    idOf(lower),
    pushId,
    askedId,
  ]);
  expect(await pushesOfRevision(store, { project, level: 3, revision })).toEqual([pushId, askedId]);
  expect(await pushesOfRevision(store, { project: 'other', level: 1, revision })).toEqual([]);
});

function known(...projects: readonly string[]): NonNullable<NamingOptions['ownProjects']> {
  return () => Promise.resolve(projects.map((project) => ({ project, isKnown: true })));
}
