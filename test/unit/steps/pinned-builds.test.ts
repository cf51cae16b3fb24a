import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../docker/engine.ts';
import { ImageDamaged } from '../../../model/errors.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import type { Plan, PlannedTask } from '../../../model/schema/plan.ts';
import { examineImage } from '../../../steps/examine-image.ts';
import { bringImage } from '../../../steps/load-task-image.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { withoutOverwrites } from '../../helpers/lower-keys.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';
import { anImage, put, putImage } from '../../helpers/stored-images.ts';

const TOOLS = `image/demo/1/tools/${'ab'.repeat(32)}`;
const push = aPushInput();
const signal = new AbortController().signal;
const PLANNED_AT = '2026-01-01T00:00:01.000Z';

describe('the image of a build of an earlier push', () => {
  let objects: ObjectStore;
  let store: Store;
  let made: MadeImage;
  let damage: ImageDamaged;
  beforeEach(async () => {
    objects = createMemoryObjectStore();
    store = createStore(objects);
    made = await anImage();
    const { manifestDigest, configDigest } = made.stored;
    damage = new ImageDamaged(manifestDigest, configDigest, `blob ${configDigest} is missing`);
  });

  /** The plan of a task that runs in it. */
  function planOf(): Plan {
    const plan = aPlanOf(push, {
      plannedAt: PLANNED_AT,
      file: `version: 1\ntasks: { unit: { image: { type: task-image, taskId: ${TOOLS}, path: public/image.tar } } }\n`,
    });
    const { image, ...task } = plan.tasks[0]!;
    const pinned = { taskId: TOOLS, run: 0, stored: made.stored };
    return { ...plan, tasks: [{ ...task, image: { ...image, pinned } } as PlannedTask] };
  }

  /** Loads it for that task, in an engine that says so. */
  function bring(load: () => Promise<object>): Promise<unknown> {
    const plan = planOf();
    const planned = plan.tasks[0]!;
    return bringImage(
      { store, plans: new PlanCache(store), engine: { images: { load } } as unknown as Engine },
      {
        plan,
        planned,
        input: {
          task: {
            ...{
              pushId: idOf(push),
              plannedAt: PLANNED_AT,
              taskId: 'task/demo/1/r/unit',
              label: 'unit',
              level: 1,
            },
            ...{ firstRun: 0, retries: 0, deadlineSeconds: 1, maxRunTimeSeconds: 1 },
          },
          run: 0,
        },
      },
      { signal, isCanceled: () => false, onProgress: () => undefined },
      () => undefined,
    );
  }

  it('of which a part is missing cannot be made again for this push, which says what can be done', async () => {
    await put(store.blobs, made.manifest);

    await expect(bring(() => Promise.reject(damage))).rejects.toMatchObject({
      type: 'ImageUnavailable',
      message: `Image "public/image.tar of ${TOOLS}" cannot be used: ${damage.message}. Have it built again (slipway push --rebuild tools), then open a new round of this push (--again)`,
    });
  });

  it('of which a part is wrong is examined first, as any other is', async () => {
    await putImage(store.blobs, made);

    await expect(bring(() => Promise.reject(damage))).rejects.toBe(damage);
  });

  it('of which a part is wrong that no key of ours takes away ends the task: who is to do that is told, and what comes then', async () => {
    await putImage(store.blobs, made);
    const { configDigest: digest } = made.stored;
    await objects.put(`blobs/sha256/${digest.slice('sha256:'.length)}`, Buffer.alloc(made.config.length));
    const refusing = createStore(withoutOverwrites(objects));
    const plans = new PlanCache(refusing);
    plans.hold(planOf());
    const input = { pushId: idOf(push), plannedAt: PLANNED_AT, digest, label: 'unit' };

    await expect(
      examineImage({ store: refusing, plans, platform: 'linux/amd64' }, input, { signal }),
    ).rejects.toMatchObject({
      type: 'ImageUnavailable',
      retryable: false,
      message: `Image "public/image.tar of ${TOOLS}" cannot be used: blob ${digest} of it has other bytes than its name says, and the keys of this level may not take it away. Whoever keeps the store has to do that first. Have it built again (slipway push --rebuild tools), then open a new round of this push (--again)`,
    });
    expect(await store.blobs.examine(digest as Digest)).toBe('removed');
  });

  it('is of use where the engine has it, whatever the store has', async () => {
    const present = { engineImageId: 'sha256:1', bytesLoaded: 0, way: 'present' };

    expect(await bring(() => Promise.resolve(present))).toMatchObject({ engineImageId: 'sha256:1' });
  });
});
