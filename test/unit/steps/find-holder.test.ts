import { beforeEach, expect, it } from '@jest/globals';
import type { Digest } from '../../../model/pure/ids.ts';
import type { TaskInput } from '../../../model/pure/payloads.ts';
import { findHolder } from '../../../steps/find-holder.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';

const manifestDigest: Digest = `sha256:${'a'.repeat(64)}`;
const configDigest: Digest = `sha256:${'b'.repeat(64)}`;
const large = { manifestDigest, configDigest, diffIds: [], sizeBytes: 400_000_000 };
const task: TaskInput = {
  pushId: 'push/demo/1/r',
  plannedAt: '2026-01-01T00:00:01.000Z',
  taskId: `task/demo/1/${'c'.repeat(40)}/t`,
  label: 't',
  level: 1,
  firstRun: 0,
  retries: 0,
  deadlineSeconds: 1,
  maxRunTimeSeconds: 1,
  image: large,
};

let store: Store;
let present: readonly string[];
const holder = (change: Partial<TaskInput> = {}): Promise<string | undefined> =>
  findHolder(
    {
      store,
      engineId: 'here',
      engine: { images: { find: (id) => Promise.resolve(present.find((one) => one === id)) } },
    },
    { task: { ...task, ...change }, run: 0 },
  );

beforeEach(async () => {
  store = createStore(createMemoryObjectStore());
  present = [];
  await store.holders.note(1, manifestDigest, 'there');
  await store.holders.note(1, manifestDigest, 'here');
});

it('names another engine that has a large image which this one has not', async () => {
  expect(await holder()).toBe('there');
});

it.each([configDigest, manifestDigest])('names none where it is, by whichever id (%s)', async (id) => {
  present = [id];
  expect(await holder()).toBeUndefined();
});

it('names none for an image that is there sooner than anybody is asked, or for none, or where no other engine of the level has it', async () => {
  expect(await holder({ image: { ...large, sizeBytes: 4_000_000 } })).toBeUndefined();
  expect(await holder({ image: { ...large, manifestDigest: configDigest } })).toBeUndefined();
  expect(await holder({ level: 3 })).toBeUndefined();
});

it('names none for a run that is claimed', async () => {
  const claim = { worker: 'w', engineId: 'e', queue: 'q', claimed: '2026-01-01T00:00:02.000Z' };
  await store.tasks.claim(task.taskId, 0, claim);

  expect(await holder()).toBeUndefined();
});
