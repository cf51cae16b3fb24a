import { beforeEach, describe, expect, it } from '@jest/globals';
import { resolvePushName, resolveTaskName } from '../../../client/names.ts';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { emptyStore } from '../../../store/empty-store.ts';
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

let store: Store;
beforeEach(async () => {
  store = emptyStore();
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
      resolvePushName(store, undefined, { ownProjects: () => Promise.resolve(projects) });

    expect(await newestOf('demo', 'bare')).toBe(idOf(bare));
    expect(await newestOf('bare', 'demo')).toBe(idOf(bare));
    expect(await newestOf('none', 'other')).toBe(idOf(other));
    expect(await newestOf('none')).toBe(idOf(other));
    const task = resolveTaskName(store, 'image:a', undefined, {
      ownProjects: () => Promise.resolve(['bare']),
    });
    await expect(task).rejects.toThrow(`Push ${idOf(bare)} needs no image "a"`);
  });

  it.each(['push/demo/3/1a2', 'demo/3/'])('is not named by %s, which several begin with', async (name) => {
    await expect(resolvePushName(store, name)).rejects.toThrow('names several pushes');
  });

  it.each(['push/demo/1/1a2b', 'push/other', '1a2', 'cafe'])('is not named by %s', async (name) => {
    await expect(resolvePushName(store, name)).rejects.toThrow(`No push is named "${name}"`);
  });
});
