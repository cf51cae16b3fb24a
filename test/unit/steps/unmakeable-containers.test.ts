import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../docker/engine.ts';
import { ImageUnavailable } from '../../../model/errors.ts';
import { withoutLayers } from '../../../model/pure/image-digests.ts';
import { pushId as idOf, taskIdIn } from '../../../model/pure/ids.ts';
import type { Plan, PlannedImage } from '../../../model/schema/plan.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { RunLog } from '../../../steps/run-log.ts';
import { startOrAdopt } from '../../../steps/start-or-adopt.ts';
import { recordRun } from '../../../steps/task-run.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';

const signal = new AbortController().signal;
const imageHash = 'ab'.repeat(32);
const push = aPushInput();
const pushId = idOf(push);
const plannedAt = '2026-01-01T00:00:01.000Z';
const file =
  'version: 1\nimages: { tools: { context: a } }\ntasks: { unit: { image: { in-tree: tools }, command: "true", checkout: false } }\n';
const context = { signal, isCanceled: () => false, onProgress: () => undefined };

let store: Store;
let image: MadeImage;
let plan: Plan;
beforeEach(async () => {
  store = emptyStore();
  image = await putImage(store.blobs, await anImage());
  const tools: PlannedImage = {
    ...{ name: 'tools', context: 'a', contextHash: 'c0', imageHash, parent: null, why: 'known' },
    inputs: { contextHash: 'c0', args: {}, platform: 'linux/amd64', parent: null, bases: {} },
    ...{ taskId: `image/demo/1/tools/${imageHash}`, action: 'reuse', stored: image.stored },
    ...{ tarball: 'view', missingBases: [] },
  };
  plan = { ...aPlanOf(push, { plannedAt, file }), images: [tools] };
});

const input = () => ({
  task: {
    ...{ pushId, plannedAt, taskId: taskIdIn(pushId, 'unit'), label: 'unit', level: 1 as const },
    ...{ firstRun: 0, retries: 0, deadlineSeconds: 1, maxRunTimeSeconds: 1 },
    image: withoutLayers(image.stored),
  },
  run: 0,
  engineImageId: 'sha256:1',
});

/** An engine that says it has the image, and refuses so many containers of it. */
async function startOn(refused: number): Promise<{
  readonly started: ReturnType<typeof startOrAdopt>;
  /** Why each load was to be anew. */
  readonly loads: (string | undefined)[];
}> {
  const loads: (string | undefined)[] = [];
  let left = refused;
  const engine = {
    containers: {
      inspect: () => Promise.resolve(undefined),
      ensureCreated: () =>
        left-- > 0
          ? Promise.reject(new ImageUnavailable('sha256:1', 'No such image'))
          : Promise.resolve({ id: 'c', state: 'created', created: plannedAt, outOfMemory: false }),
      owner: () => Promise.resolve({ uid: 0, gid: 0 }),
      start: () => Promise.resolve(),
    },
    images: {
      load(_image: unknown, { anew }: { anew?: string }) {
        loads.push(anew);
        const whole = anew === undefined ? {} : { fellBack: anew };
        const bytesLoaded = anew === undefined ? 0 : 7;
        return Promise.resolve({ engineImageId: 'sha256:1', bytesLoaded, way: 'tar', ...whole });
      },
      release: () => Promise.resolve(),
    },
  } as unknown as Engine;
  const { task, run } = input();
  const source = { open: () => Promise.reject(new Error('nothing is checked out')) };
  const deps = { store, plans: new PlanCache(store), engine, source, fleet: 'f' };
  const log = await RunLog.open(store.logs, task.taskId, run);
  const of = { input: input(), name: 'c', plan, planned: plan.tasks[0]!, log, secrets: new Map() };
  return { started: startOrAdopt(deps, of, context), loads };
}

describe('an image of which its engine makes no container', () => {
  it('is loaded again, as if it had gone, and no more where that helps', async () => {
    const { started, loads } = await startOn(1);

    expect(await started).toMatchObject({ id: 'c', loadedAgain: { bytesLoaded: 0 } });
    expect(loads).toEqual([undefined]);
  });

  it('is loaded anew where that does not help, which is told with the container', async () => {
    const { started, loads } = await startOn(2);

    const why = 'no container could be made of it: Image "sha256:1" cannot be used: No such image';
    expect(await started).toMatchObject({ id: 'c', loadedAgain: { bytesLoaded: 7, fellBack: why } });
    expect(loads).toEqual([undefined, why]);
  });

  it('ends the run in the end, with what the engine says', async () => {
    const { started } = await startOn(100);

    await expect(started).rejects.toMatchObject({
      type: 'ContainerLost',
      message:
        'No container could be made of its image, though that was loaded 4 times more: Image "sha256:1" cannot be used: No such image',
    });
  });

  it('is counted in the record of the run', async () => {
    await store.pushes.writePlan(plan);
    const loaded = { engineImageId: 'sha256:1', bytesLoaded: 10, imageMs: 1, fellBack: 'pull failed: EOF' };
    const loadedAgain = { bytesLoaded: 7, fellBack: 'no container could be made of it' };
    const result = { reason: 'completed', exitCode: 0, prepareMs: 1, runMs: 1, loadedAgain } as const;
    const { task, run } = input();
    const ended = { task, run, state: 'completed', reason: 'completed', final: true } as const;

    await recordRun(store, new PlanCache(store), { ...ended, loaded, result });

    expect((await store.tasks.find(task.taskId))?.runs).toMatchObject([
      { bytesLoaded: 17, fellBack: 'pull failed: EOF; no container could be made of it' },
    ]);
  });
});
