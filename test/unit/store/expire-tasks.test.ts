import { beforeEach, expect, it } from '@jest/globals';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { CollectionReport } from '../../../model/schema/collection.ts';
import type { ServerConfig } from '../../../model/schema/config.ts';
import { collect } from '../../../steps/collect.ts';
import type { StepContext } from '../../../steps/step-context.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { countReads } from '../../helpers/counted-reads.ts';
import { idOfPush, pushOnStore, runTask } from '../../helpers/pushes-on-a-store.ts';

const DAY_MS = 86_400_000;
const CONFIG: ServerConfig = { version: 1, localProjects: true, projects: {} };
const TASKS = 'level-1/tasks/task/';

let nowMs: number;
let objects: ObjectStore;
let store: Store;
const now = (): Date => new Date(nowMs);
const days = (count: number): void => void (nowMs += count * DAY_MS);
const after = (count: number): string => new Date(nowMs + count * DAY_MS).toISOString();
const keys = async (prefix: string): Promise<string[]> => {
  const found: string[] = [];
  for await (const { key } of objects.list(prefix)) found.push(key);
  return found;
};
const gc = (over: ObjectStore, course?: StepContext['course']): Promise<CollectionReport> =>
  collect(
    { store: createStore(over, undefined, { now }), config: CONFIG },
    { level: 1, dryRun: false },
    { signal: new AbortController().signal, onProgress: () => undefined, course },
  );

beforeEach(() => {
  nowMs = Date.parse('2026-01-01T00:00:00Z');
  objects = createMemoryObjectStore('memory', now);
  store = createStore(objects, undefined, { now });
});

/** A push of one task with an artifact, and of others that have left what is said. */
async function push(
  number: number,
  others: number,
  left: { readonly onlyLog?: boolean; readonly artifactExpires?: string } = { onlyLog: true },
): Promise<{ readonly id: string; readonly tasks: readonly string[] }> {
  const id = idOfPush({ number, level: 1 });
  await pushOnStore(store, { number, level: 1, image: 'lint', version: 1, now });
  const tasks = Array.from({ length: others }, (_, at) =>
    taskIdIn(id, `other-${String(at).padStart(3, '0')}`),
  );
  for (const task of tasks) await runTask(store, { now, number, ...left }, task);
  return { id, tasks };
}

const isThere = async (task: string): Promise<boolean> => (await store.tasks.find(task)) !== undefined;

it.each([
  ['lives', 10],
  ['is over', 40],
])('tasks that have left a log only cost no question of their own while their push %s', async (_, age) => {
  const reads: number[] = [];
  for (const others of [3, 60]) {
    objects = createMemoryObjectStore('memory', now);
    store = createStore(objects, undefined, { now });
    const { tasks } = await push(1, others);
    days(age);
    const counted = countReads(objects);

    await gc(counted.objects);

    reads.push(counted.keys.length);
    const left = await Promise.all(tasks.map(isThere));
    expect(left).toEqual(tasks.map(() => age === 10));
  }
  expect(reads[1]).toBe(reads[0]);
});

it('records of tasks that have left artifacts are read side by side, once each', async () => {
  const { tasks } = await push(1, 60, {});
  days(40);
  const counted = countReads({
    ...objects,
    async get(key, signal) {
      await new Promise((answer) => setImmediate(answer));
      return objects.get(key, signal);
    },
  });

  await gc(counted.objects);

  const records = counted.keys.filter((key) => key.startsWith(TASKS));
  expect(records).toHaveLength(tasks.length + 1);
  expect(new Set(records).size).toBe(records.length);
  expect(counted.mostAtOnce()).toBeGreaterThan(8);
  expect(counted.mostAtOnce()).toBeLessThanOrEqual(16);
});

it('of pushes whose tasks lie side by side each loses and keeps its own, by its own verdict', async () => {
  const [over, open, late] = [await push(1, 20), await push(2, 20), await push(3, 20)];
  await store.pushes.writeStatus({ ...(await store.pushes.findStatus(open.id))!, state: 'running' });
  days(20);
  const status = (await store.pushes.findStatus(late.id))!;
  await store.pushes.writeStatus({ ...status, resolved: now().toISOString() });
  const young = await push(4, 20);
  days(20);

  await gc(objects);

  for (const [{ tasks }, stays] of [
    [over, false],
    [open, true],
    [late, true],
    [young, true],
  ] as const)
    expect(await Promise.all(tasks.map(isThere))).toEqual(tasks.map(() => stays));
});

it('an artifact stays until its time is over, before and after the end of its push, and goes then', async () => {
  const [short, long] = [
    await push(1, 20, { artifactExpires: after(10) }),
    await push(2, 20, { artifactExpires: after(60) }),
  ];
  const artifacts = ({ tasks }: typeof short): Promise<boolean[]> =>
    Promise.all(tasks.map(async (task) => (await store.artifacts.find(task, 0, 'public/out')) !== undefined));
  const all = (isThereStill: boolean): boolean[] => Array.from({ length: 20 }, () => isThereStill);

  days(9);
  await gc(objects);
  expect([await artifacts(short), await artifacts(long)]).toEqual([all(true), all(true)]);
  days(2);
  await gc(objects);
  expect([await artifacts(short), await artifacts(long)]).toEqual([all(false), all(true)]);
  expect(await Promise.all(short.tasks.map(isThere))).toEqual(all(true));
  days(48);
  await gc(objects);
  expect(await artifacts(long)).toEqual(all(true));
  days(2);
  await gc(objects);
  expect(await Promise.all(long.tasks.map(isThere))).toEqual(all(false));
});

it('a chunk beside a joined log goes when its run has ended, and stays before, where there is nothing else', async () => {
  const {
    tasks: [ended = '', goesOn = ''],
  } = await push(1, 2);
  for (const task of [ended, goesOn])
    await store.logs.append(task, 0, { seq: 0, text: Buffer.from('late'), taskBytes: 4 });
  await store.tasks.change(goesOn, (record) => ({
    ...record!,
    runs: record!.runs.map((run) => ({ ...run, state: 'running' })),
  }));
  const chunks = (task: string): Promise<string[]> =>
    keys(`${TASKS}${task.replace('task/demo/1/', 'demo/')}/runs/0/log/`);
  expect([await chunks(ended), await chunks(goesOn)]).toMatchObject([{ length: 1 }, { length: 1 }]);
  days(3);

  await gc(objects);

  expect([await chunks(ended), await chunks(goesOn)]).toMatchObject([{ length: 0 }, { length: 1 }]);
});

it('a collection that was cut off among the tasks goes on where all were looked at', async () => {
  const { tasks } = await push(1, 60);
  days(40);
  const past: string[] = [];
  const onPast = (key: string): void => void past.push(key);
  let deletions = 0;
  const dying: ObjectStore = {
    ...objects,
    deleteIf(key, etag, signal) {
      if (key.startsWith(TASKS) && (deletions += 1) > 60) return Promise.reject(new Error('killed'));
      return objects.deleteIf(key, etag, signal);
    },
  };
  await expect(gc(dying, { onPast })).rejects.toThrow('killed');
  const reached = past.at(-1)!;
  // Nothing of it is left out.
  expect((await keys(TASKS)).filter((key) => key < reached)).toEqual([]);
  expect(await keys(TASKS)).not.toEqual([]);
  const listed: (string | undefined)[] = [];
  const again: string[] = [];
  const report = await gc(
    {
      ...objects,
      list(prefix, options) {
        if (prefix === 'level-1/tasks/') listed.push(options?.startAfter);
        return objects.list(prefix, options);
      },
    },
    { after: reached, onPast: (key) => void again.push(key) },
  );

  expect(listed).toEqual([reached]);
  expect(report).toMatchObject({ after: reached });
  expect(again.filter((key) => key <= reached)).toEqual([]);
  // Those, the one with an artifact, and the build.
  expect(past.length + again.length).toBeLessThanOrEqual(tasks.length + 2);
  expect(await keys(TASKS)).toEqual([]);
});
