import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Digest } from '../../../model/pure/ids.ts';
import { pushId as pushIdOf, taskIdIn } from '../../../model/pure/ids.ts';
import type { TaskInput } from '../../../model/pure/payloads.ts';
import type { PlannedImage, TaskImage } from '../../../model/schema/plan.ts';
import { findHolder } from '../../../steps/find-holder.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';
import { recordRuns } from '../../helpers/recorded-runs.ts';

const manifestDigest: Digest = `sha256:${'a'.repeat(64)}`;
const configDigest: Digest = `sha256:${'b'.repeat(64)}`;
const large = { manifestDigest, configDigest, diffIds: [], sizeBytes: 400_000_000 };
const platform = 'linux/amd64';
const push = aPushInput();
const pushId = pushIdOf(push);
const plannedAt = '2026-01-01T00:00:01.000Z';
const task: TaskInput = {
  pushId,
  plannedAt,
  taskId: taskIdIn(pushId, 't'),
  label: 't',
  level: 1,
  firstRun: 0,
  retries: 0,
  deadlineSeconds: 1,
  maxRunTimeSeconds: 1,
};

let store: Store;
let plans: PlanCache;
let present: readonly string[];
const holder = (change: Partial<TaskInput> = { image: large }): Promise<string | undefined> =>
  findHolder(
    {
      store,
      plans,
      platform,
      engineId: 'here',
      engine: { images: { find: (id) => Promise.resolve(present.find((one) => one === id)) } },
    },
    { task: { ...task, ...change }, run: 0 },
  );

beforeEach(async () => {
  store = createStore(createMemoryObjectStore());
  plans = new PlanCache(store);
  present = [];
  await store.holders.note(1, manifestDigest, 'there');
  await store.holders.note(1, manifestDigest, 'here');
});

/** The task runs in this, by a plan with these images. */
function planned(image: TaskImage, images: readonly unknown[] = []): void {
  const file = 'version: 1\ntasks: { t: { image: debian:bookworm, command: make } }\n';
  const plan = aPlanOf(push, { plannedAt, file });
  const tasks = plan.tasks.map((one) => ({ ...one, image }));
  plans.hold({ ...plan, tasks, images: images as PlannedImage[] });
}

it('names another engine that has a large image which this one has not', async () => {
  expect(await holder()).toBe('there');
});

it.each([configDigest, manifestDigest])('names none where it is, by whichever id (%s)', async (id) => {
  present = [id];
  expect(await holder()).toBeUndefined();
});

it('names none for an image that is there sooner than anybody is asked, or for none, or where no other engine of the level has it', async () => {
  planned({ type: 'in-tree', name: 'lint' });
  expect(await holder({})).toBeUndefined();
  expect(await holder({ image: { ...large, sizeBytes: 4_000_000 } })).toBeUndefined();
  expect(await holder({ image: { ...large, manifestDigest: configDigest } })).toBeUndefined();
  expect(await holder({ image: large, level: 3 })).toBeUndefined();
});

it('names none for a run that is claimed', async () => {
  const claim = { worker: 'w', engineId: 'e', queue: 'q', claimed: '2026-01-01T00:00:02.000Z' };
  await store.tasks.claim(task.taskId, 0, claim);

  expect(await holder()).toBeUndefined();
});

describe('for a run that is in no in-tree image', () => {
  const PATH = 'public/out';
  // What `recordRuns` says of each tarball.
  const sha256 = 'b'.repeat(64);
  const ofOther = { taskId: `task/demo/1/${'d'.repeat(40)}/make`, run: 0 };
  const base = { inputs: { platform }, baseImages: { 'debian:bookworm': large } };
  const other = { ...base, inputs: { platform: 'linux/arm64' } };

  it.each<[what: string, image: TaskImage, images: unknown[]]>([
    ['a tarball of its push', { type: 'task-image', label: 'make', path: PATH }, []],
    [
      'a tarball of another push',
      { type: 'task-image', taskId: ofOther.taskId, path: PATH, pinned: { ...ofOther, sha256 } },
      [],
    ],
    ['a route’s', { type: 'indexed-image', namespace: 'n', path: PATH, pinned: { ...ofOther, sha256 } }, []],
    ['a build', { type: 'task-image', path: PATH, pinned: { ...ofOther, stored: large } }, []],
    ['a base of an image', { type: 'docker-image', name: 'debian:bookworm' }, [other, base]],
  ])('names another engine that has it where it is known: %s', async (_what, image, images) => {
    await recordRuns(store, { pushId, plannedAt }, [{}]);
    await store.tarballs.record('demo', 1, { version: 1, ...large, sha256, platform, imported: plannedAt });
    planned(image, images);

    expect(await holder({})).toBe('there');
    present = [configDigest];
    expect(await holder({})).toBeUndefined();
  });

  it.each<[what: string, image: TaskImage, images: unknown[]]>([
    ['a tarball that nobody has imported here', { type: 'task-image', label: 'make', path: PATH }, []],
    ['a tarball that is not there', { type: 'task-image', label: 'none', path: PATH }, []],
    ['a plain image', { type: 'docker-image', name: 'debian:bookworm' }, []],
    ['a base on another platform', { type: 'docker-image', name: 'debian:bookworm' }, [other]],
  ])('names none where it is not: %s', async (_what, image, images) => {
    await recordRuns(store, { pushId, plannedAt }, [{}]);
    const ofArm = { version: 1, ...large, sha256, platform: 'linux/arm64', imported: plannedAt } as const;
    await store.tarballs.record('demo', 1, ofArm);
    planned(image, images);

    expect(await holder({})).toBeUndefined();
  });
});
