import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect, it } from '@jest/globals';
import type { Level } from '../../../model/pure/ids.ts';
import { imageTaskId } from '../../../model/pure/ids.ts';
import type { Plan, PlannedImage, StoredImage } from '../../../model/schema/plan.ts';
import { nextRunOf, recordImage } from '../../../steps/index-image.ts';
import { makePlan } from '../../../steps/make-plan.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const CHILD = 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n';
const TREE = memoryTree({
  'slipway.yml': `version: 1
images:
  base: { context: base }
  lint: { context: lint, parent: base }
  deep: { context: deep, parent: lint }
tasks:
  t: { image: { in-tree: deep }, command: "true" }
`,
  'base/Dockerfile': 'FROM scratch\n',
  'lint/Dockerfile': `${CHILD}LABEL a=b\n`,
  'deep/Dockerfile': `${CHILD}LABEL c=d\n`,
});

let objects: ObjectStore;
let store: Store;
let revisions = 0;
beforeEach(() => {
  objects = createMemoryObjectStore();
  store = createStore(objects);
});

interface Wanted {
  readonly level?: Level;
  readonly rebuild?: string[];
}

async function plan(image: string, { level = 1, rebuild }: Wanted = {}): Promise<Plan> {
  // Times of one push and of the next differ.
  await delay(2);
  revisions += 1;
  const made = await makePlan(TREE, store, {
    pushId: `push/demo/${level}/${String(revisions).padStart(40, '0')}`,
    project: 'demo',
    domain: 'demo',
    level,
    repository: 'file:///demo',
    ref: 'refs/heads/main',
    request: { tasks: [`image:${image}`], ...(rebuild ? { rebuild } : {}) },
    platform: 'linux/amd64',
    plannedAt: new Date().toISOString(),
    findChanges: () => Promise.resolve(undefined),
    signal: new AbortController().signal,
  });
  if (made.outcome !== 'planned') throw new Error(JSON.stringify(made));
  await delay(2);
  return made.plan;
}

/** Plans a push, and records what a builder would have built for it; gives the plan's words on each image. */
async function push(image: string, wanted: Wanted = {}): Promise<Record<string, string>> {
  const planned = await plan(image, wanted);
  const plans = new PlanCache(store);
  plans.hold(planned);
  const stored = new Map<string, StoredImage>();
  for (const each of planned.images) stored.set(each.name, each.stored ?? (await build(each)));
  return Object.fromEntries(
    planned.images.map(({ name, action, force, why }) => [
      name,
      action === 'build' ? `${why}${force ? '!' : ''}` : action,
    ]),
  );

  async function build({ name, imageHash, parent, force }: PlannedImage): Promise<StoredImage> {
    const taskId = imageTaskId({ domain: 'demo', level: planned.level, name, imageHash: imageHash! });
    const made = await putImage(store.blobs, await anImage());
    const run = await nextRunOf(store, taskId);
    const { pushId, plannedAt } = planned;
    await recordImage(
      { store, plans },
      {
        ...{ taskId, name, pushId, plannedAt, run, reason: 'built' },
        built: {
          ...{ stored: made.stored, bytesUploaded: 1, steps: 1, cachedSteps: 0, phases: {} },
          ...{ worker: 'w', engineId: 'e', started: plannedAt },
          ...(parent === null ? {} : { parentDigest: stored.get(parent)!.manifestDigest }),
          ...(force ? { fresh: true as const } : {}),
        },
      },
    );
    return made.stored;
  }
}

const NEW = 'no image of this name was built before';
const ASKED = 'its rebuild was asked for!';

it('An image whose parent another push has built again is built on it, once', async () => {
  expect(await push('lint')).toEqual({ base: NEW, lint: NEW });
  expect(await push('base', { rebuild: ['base'] })).toEqual({ base: ASKED });

  const after = await plan('lint');

  expect(after.images.find(({ name }) => name === 'lint')?.explanation?.tried.at(-1)?.found).toBe(
    'passed over',
  );
  expect(await push('lint')).toEqual({ base: 'reuse', lint: 'its parent base was built again!' });
  expect(await push('lint')).toEqual({ base: 'reuse', lint: 'reuse' });
});

it('An image whose grandparent was built again follows with its parent, in one push or in several', async () => {
  await push('deep');
  await push('base', { rebuild: ['base'] });
  expect(await push('deep')).toEqual({
    base: 'reuse',
    lint: 'its parent base was built again!',
    deep: 'its parent lint is built again!',
  });
  expect(await push('deep')).toEqual({ base: 'reuse', lint: 'reuse', deep: 'reuse' });

  await push('base', { rebuild: ['base'] });
  await push('lint');
  expect(await push('deep')).toMatchObject({ lint: 'reuse', deep: 'its parent lint was built again!' });
  expect(await push('deep')).toMatchObject({ lint: 'reuse', deep: 'reuse' });
});

it('A parent that was built again while its child was being built is seen by the next push', async () => {
  await push('base');
  const planned = await plan('lint');
  await push('base', { rebuild: ['base'] });
  const lint = planned.images.find(({ name }) => name === 'lint')!;
  const plans = new PlanCache(store);
  plans.hold(planned);
  const { stored } = await putImage(store.blobs, await anImage());
  const { pushId, plannedAt } = planned;
  await recordImage(
    { store, plans },
    {
      ...{ taskId: lint.taskId, name: 'lint', pushId, plannedAt, run: 0, reason: 'built' },
      built: {
        ...{ stored, bytesUploaded: 1, steps: 1, cachedSteps: 0, phases: {}, worker: 'w', engineId: 'e' },
        parentDigest: planned.images[0]!.stored!.manifestDigest,
        started: plannedAt,
      },
    },
  );

  expect(await push('lint')).toEqual({ base: 'reuse', lint: 'its parent base was built again!' });
});

it('A first build of the parent at a higher level is no reason to build a child again', async () => {
  await push('lint', { level: 1 });
  await push('base', { level: 3, rebuild: ['base'] });

  const parent = await plan('base');
  expect(parent.images[0]?.explanation?.against?.level).toBe(3);
  expect(await push('lint', { level: 1 })).toEqual({ base: 'reuse', lint: 'reuse' });
});

it('A child of a higher level whose parent was built again there is built at a lower one once, until it is built there', async () => {
  await push('lint', { level: 3 });
  await push('base', { level: 3, rebuild: ['base'] });

  expect(await push('lint', { level: 1 })).toMatchObject({ lint: 'its parent base was built again!' });
  expect(await push('lint', { level: 1 })).toMatchObject({ lint: 'reuse' });
  expect(await push('lint', { level: 3 })).toMatchObject({ lint: 'its parent base was built again!' });
  expect(await push('lint', { level: 1 })).toMatchObject({ lint: 'reuse' });
});

it('A parent that is built in place of a damaged one leaves its children alone', async () => {
  await push('lint');
  const { stored } = (await plan('base')).images[0]!;
  await objects.delete([`blobs/sha256/${stored!.configDigest.slice('sha256:'.length)}`]);

  expect(await push('base')).toEqual({ base: expect.stringContaining('gone or damaged') });

  expect(await push('lint')).toEqual({ base: 'reuse', lint: 'reuse' });
});

it('So does one in place of a damaged one that the same push had built again', async () => {
  await push('lint');
  expect(await push('lint', { rebuild: ['base'] })).toMatchObject({
    lint: 'its parent base is built again!',
  });
  const { stored } = (await plan('base')).images[0]!;
  await objects.delete([`blobs/sha256/${stored!.configDigest.slice('sha256:'.length)}`]);
  await push('base');

  expect(await push('lint')).toEqual({ base: 'reuse', lint: 'reuse' });
});

it('What was renewed stays so when a damaged build of it is replaced', async () => {
  await push('lint');
  await push('base', { rebuild: ['base'] });
  const { stored } = (await plan('base')).images[0]!;
  await objects.delete([`blobs/sha256/${stored!.configDigest.slice('sha256:'.length)}`]);
  await push('base');

  expect(await push('lint')).toEqual({ base: 'reuse', lint: 'its parent base was built again!' });
});

it('An entry from before it said what it stands on stays', async () => {
  await push('lint');
  const { imageHash } = (await plan('lint')).images.find(({ name }) => name === 'lint')!;
  const key = { domain: 'demo', name: 'lint', imageHash: imageHash! };
  const { ground: _ground, ...older } = (await store.index.find(key, 1))!.entry;
  await store.index.write(key, 1, older);
  await push('base', { rebuild: ['base'] });

  expect(await push('lint')).toEqual({ base: 'reuse', lint: 'reuse' });
});

it('A record that is written twice of one build says the same', async () => {
  await push('base');
  const planned = await plan('base', { rebuild: ['base'] });
  const plans = new PlanCache(store);
  plans.hold(planned);
  const { stored } = await putImage(store.blobs, await anImage());
  const { taskId, imageHash } = planned.images[0]!;
  const { pushId, plannedAt } = planned;
  const key = { domain: 'demo', name: 'base', imageHash: imageHash! };
  const write = async (): Promise<string | undefined> => {
    await recordImage(
      { store, plans },
      {
        ...{ taskId, name: 'base', pushId, plannedAt, run: 1, reason: 'built' },
        built: {
          ...{ stored, bytesUploaded: 1, steps: 1, cachedSteps: 0, phases: {}, worker: 'w', engineId: 'e' },
          ...{ fresh: true, started: plannedAt },
        },
      },
    );
    return (await store.index.find(key, 1))?.entry.renewed;
  };

  const first = await write();
  await delay(2);

  expect(first).toBeDefined();
  expect(await write()).toBe(first);
});
