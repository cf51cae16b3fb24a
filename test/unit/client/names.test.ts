import { setImmediate as oneTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { NamingOptions, NewestPush, TaskNamingOptions } from '../../../client/names.ts';
import { pushesOfRevision, resolvePushName, resolveTaskName } from '../../../client/names.ts';
import { NotPlanned } from '../../../client/not-planned.ts';
import { readLog } from '../../../client/read-task.ts';
import { pushId as idOf, taskIdIn } from '../../../model/pure/ids.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { endLog } from '../../../steps/run-log.ts';
import { createStore } from '../../../store/create-store.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import { listByDay } from '../../../store/pushes-by-day.ts';
import type { Store } from '../../../store/store.ts';
import { anImage, aPush, aTask } from '../../helpers/push-documents.ts';

const RESOLVED = '2026-01-02T03:05:00.000Z';

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
    await expect(task).rejects.toThrow(`Push ${idOf(bare)} is not planned yet`);
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
    await expect(task).rejects.toThrow(`Push ${idOf(asked)} is not planned yet`);
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

  it.each(['push/demo/1/1a2b', 'push/other', '1a2', 'cafe', 'demo', 'dem', 'push/demo', 'demo/3', ''])(
    'is not named by "%s"',
    async (name) => {
      const only = createStore(createMemoryObjectStore());
      await receivePush(only, { push, pushId }, 'demo');

      for (const each of [store, only])
        await expect(resolvePushName(each, name)).rejects.toThrow(
          `No push is named "${name}" (its id or a revision names one; slipway pushes lists them)`,
        );
    },
  );
});

describe('a task', () => {
  const planned = aPush({
    id: pushId,
    decisionMs: 1,
    images: [anImage({ name: 'lint' })],
    tasks: ['unit', 'e2e'].map((label) => aTask({ label })),
  });
  const resolve = (name: string, options?: TaskNamingOptions): Promise<string> =>
    resolveTaskName(store, name, pushId, options);
  const notPlanned = `Push ${pushId} is not planned yet: slipway watch ${pushId}`;

  it('or an image is found in the plan of its push', async () => {
    await store.pushes.writeStatus(planned);

    expect(await resolve('unit')).toBe(taskIdIn(pushId, 'unit'));
    expect(await resolve('image:lint')).toBe(anImage({ name: 'lint' }).taskId);
  });

  it.each(['unit', 'image:lint'])('of a push without a plan may come: %s', async (name) => {
    await expect(resolve(name)).rejects.toThrow(NotPlanned);
    await expect(resolve(name)).rejects.toThrow(notPlanned);
  });

  it('of a push that is not in the store yet may come', async () => {
    const started = idOf({ ...push, revision: 'beef'.padEnd(40, '0') });
    const isStarted = (id: string): Promise<boolean> => Promise.resolve(id === started);

    const task = resolveTaskName(store, 'unit', started, { isStarted });

    await expect(task).rejects.toThrow(`Push ${started} is not planned yet`);
  });

  it('may come while the decision program is to say which there are', async () => {
    const decides = aPush({ id: pushId, decisionMs: 1, tasks: [aTask({ label: 'decision' })] });
    await store.pushes.writeStatus(decides);

    expect(await resolve('decision')).toBe(taskIdIn(pushId, 'decision'));
    await expect(resolve('unit')).rejects.toThrow(notPlanned);

    await store.pushes.writeStatus({ ...decides, state: 'failed', reason: 'failed', resolved: RESOLVED });
    await expect(resolve('unit')).rejects.toThrow(`Push ${pushId} has no task "unit"; known: decision`);
  });

  it('is waited for by who asks for that, who has its log then', async () => {
    const signal = AbortSignal.timeout(10_000);
    const follow = async (): Promise<string> => {
      const taskId = await resolve('unit', { waiting: signal });
      let text = '';
      for await (const chunk of readLog(store, taskId, { follow: true, signal })) text += chunk.toString();
      return text;
    };

    const followed = follow();
    await oneTurn();
    await store.pushes.writeStatus(planned);
    await endLog(store, { taskId: taskIdIn(pushId, 'unit'), run: 0 }, { message: 'Done.', kind: 'info' });

    expect(await followed).toContain('Done.');
  });

  it('is not waited for where the plan does not have it, nor longer than who asks has patience', async () => {
    const impatient = new AbortController();
    const waited = resolve('unit', { waiting: impatient.signal });
    impatient.abort();
    await expect(waited).rejects.toThrow('aborted');

    await store.pushes.writeStatus(planned);
    await expect(resolve('lint', { waiting: AbortSignal.timeout(10_000) })).rejects.toThrow('has no task');
  });

  it('that the plan does not have is denied with the nearest one', async () => {
    await store.pushes.writeStatus(planned);

    await expect(resolve('unti')).rejects.toThrow(`Push ${pushId} has no task "unti"; did you mean "unit"?`);
    await expect(resolve('image:lnit')).rejects.toThrow(
      `Push ${pushId} needs no image "lnit"; did you mean "lint"?`,
    );
  });

  it('of a push that was refused is denied with where to look', async () => {
    const ended = aPush({ id: pushId, state: 'exception', resolved: RESOLVED });
    await store.pushes.writeStatus({ ...ended, reason: 'malformed-plan' });
    await expect(resolve('unit')).rejects.toThrow(
      `Push ${pushId} has no task "unit": it was refused, and slipway status ${pushId} says why`,
    );

    await store.pushes.writeStatus({ ...ended, reason: 'revision-not-found' });
    await expect(resolve('image:lint')).rejects.toThrow(
      `Push ${pushId} needs no image "lint": it ended without a plan (revision-not-found), and slipway status`,
    );
  });

  it('is of the newest push where none is named, which is told where that has it or is waited for', async () => {
    const told: string[] = [];
    const onNewest = ({ pushId: id }: NewestPush): void => void told.push(id);
    const newest = { ...push, revision: 'beef'.padEnd(40, '0'), received: '2026-01-03T03:04:05.000Z' };
    const id = idOf(newest);
    await receivePush(store, { push: newest, pushId: id }, 'demo');

    await expect(resolveTaskName(store, 'unit', undefined, { onNewest })).rejects.toThrow(id);
    expect(told).toEqual([]);

    const waiting = AbortSignal.timeout(10_000);
    const waited = resolveTaskName(store, 'unit', undefined, { onNewest, waiting });
    await oneTurn();
    await store.pushes.writeStatus({ ...planned, id });
    expect(await waited).toBe(taskIdIn(id, 'unit'));
    expect(await resolveTaskName(store, 'unit', undefined, { onNewest })).toBe(taskIdIn(id, 'unit'));
    expect(told).toEqual([id, id]);
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
