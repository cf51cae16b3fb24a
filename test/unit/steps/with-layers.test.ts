import { describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../docker/engine.ts';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import { withoutLayers } from '../../../model/pure/image-digests.ts';
import type { PlannedImage, StoredImage } from '../../../model/schema/plan.ts';
import { graphImage } from '../../../steps/graph-image.ts';
import { bringImage } from '../../../steps/load-task-image.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { withLayers } from '../../../steps/with-layers.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';
import { anImage, put, putImage } from '../../helpers/stored-images.ts';

const signal = new AbortController().signal;
const imageHash = 'ab'.repeat(32);

const aReused = (stored: StoredImage, name = 'tools'): PlannedImage => ({
  name,
  context: `docker/${name}`,
  contextHash: 'c0',
  imageHash,
  parent: null,
  inputs: { contextHash: 'c0', args: {}, platform: 'linux/amd64', parent: null, bases: {} },
  taskId: `image/demo/1/${name}/${imageHash}`,
  action: 'reuse',
  stored,
  why: 'known',
  tarball: 'view',
  missingBases: [],
});

describe('what a push knows of its images', () => {
  it('are digests alone, so that hundreds with more than a hundred layers fit into one answer', () => {
    const diffIds = Array.from({ length: 127 }, () => `sha256:${'d'.repeat(64)}` as const);
    const digest = `sha256:${'a'.repeat(64)}` as const;
    const stored = { manifestDigest: digest, configDigest: digest, diffIds, sizeBytes: 1 };
    const images = Array.from({ length: 200 }, (_, i) => aReused(stored, `image-${i}`));

    const told = images.map(graphImage);

    expect(told[0]?.stored).toEqual({ manifestDigest: digest, configDigest: digest, sizeBytes: 1 });
    expect(JSON.stringify(told).length).toBeLessThan(200_000);
  });
});

describe('the layers of an image that was told without', () => {
  it('are those of the plan where that has it, and nothing is read', async () => {
    const { stored } = await anImage();

    const found = await withLayers(emptyStore().blobs, withoutLayers(stored), { planned: stored, signal });

    expect(found).toEqual(stored);
  });

  it('are those of its config where the plan has another, or none', async () => {
    const { blobs } = emptyStore();
    const { stored } = await putImage(blobs, await anImage());
    const { stored: other } = await anImage();

    for (const planned of [other, undefined])
      expect(await withLayers(blobs, withoutLayers(stored), { planned, signal })).toEqual(stored);
  });

  it('are damage of the image where its config is missing', async () => {
    const { blobs } = emptyStore();
    const { stored, manifest } = await anImage();
    await put(blobs, manifest);

    await expect(withLayers(blobs, withoutLayers(stored), { signal })).rejects.toMatchObject({
      type: 'ImageDamaged',
      manifestDigest: stored.manifestDigest,
      digest: stored.configDigest,
    });
  });

  it('are what an engine is given that loads it for a task', async () => {
    const store = emptyStore();
    const { stored } = await putImage(store.blobs, await anImage());
    const push = aPushInput();
    const plannedAt = '2026-01-01T00:00:01.000Z';
    const file =
      'version: 1\nimages: { tools: { context: a } }\ntasks: { unit: { image: { in-tree: tools } } }\n';
    const { stored: _none, ...built } = aReused(stored);
    const plan = { ...aPlanOf(push, { plannedAt, file }), images: [{ ...built, action: 'build' as const }] };
    const loaded: unknown[] = [];
    const load = (image: StoredImage): Promise<object> => {
      loaded.push(image);
      return Promise.resolve({ engineImageId: 'sha256:1', bytesLoaded: 0, way: 'present' });
    };
    const engine = { images: { load } } as unknown as Engine;
    const task = {
      pushId: idOf(push),
      plannedAt,
      taskId: 'task/demo/1/r/unit',
      label: 'unit',
      level: 1 as const,
    };
    const limits = { firstRun: 0, retries: 0, deadlineSeconds: 1, maxRunTimeSeconds: 1 };

    await bringImage(
      { store, plans: new PlanCache(store), engine },
      {
        plan,
        planned: plan.tasks[0]!,
        input: { task: { ...task, ...limits, image: withoutLayers(stored) }, run: 0 },
      },
      { signal, isCanceled: () => false, onProgress: () => undefined },
      () => undefined,
    );

    expect(loaded).toEqual([stored]);
  });
});
