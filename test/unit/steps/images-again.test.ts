import { beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../../docker/endpoint/closure.ts';
import { imageTaskId, pushId as pushIdOf } from '../../../model/pure/ids.ts';
import { withoutLayers } from '../../../model/pure/image-digests.ts';
import type { GraphImage } from '../../../model/pure/payloads.ts';
import type { Plan, PlannedImage, StoredImage } from '../../../model/schema/plan.ts';
import type { PushImage } from '../../../model/schema/records.ts';
import { imagesAgain } from '../../../steps/images-again.ts';
import { createStore } from '../../../store/create-store.ts';
import { blobKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const push = aPushInput();
const FILE = `version: 1
tasks:
  lints: { image: debian }
  plain: { image: debian }
`;
const signal = new AbortController().signal;
const COORDINATES = { domain: 'demo', level: 1 } as const;

let objects: ObjectStore;
let store: Store;
let first: MadeImage;
beforeEach(async () => {
  objects = createMemoryObjectStore();
  store = createStore(objects);
  first = await putImage(store.blobs, await anImage());
});

const hashOf = (name: string): string => `hash-of-${name}`;
const idOf = (name: string): string => imageTaskId({ ...COORDINATES, name, imageHash: hashOf(name) });

function plannedImage(name: string, over: Partial<PlannedImage> = {}): PlannedImage {
  return {
    name,
    taskId: idOf(name),
    context: name,
    parent: null,
    tarball: 'view',
    inputs: { contextHash: 'c', args: {}, platform: 'linux/amd64', parent: null, bases: {} },
    contextHash: 'c',
    imageHash: hashOf(name),
    action: 'build',
    why: '',
    missingBases: [],
    ...over,
  };
}

const ended = (name: string, over: Partial<PushImage> = {}): PushImage => ({
  name,
  contextHash: 'c',
  imageHash: hashOf(name),
  taskId: idOf(name),
  outcome: 'built',
  bytesUploaded: 5,
  why: '',
  ...over,
});
const built = (name: string, { stored }: MadeImage = first): PushImage =>
  ended(name, { manifestDigest: stored.manifestDigest });

/** For a rerun of the task in the image `lint`. */
async function again(
  images: readonly PlannedImage[],
  before: readonly PushImage[],
  labels: readonly string[] = ['lints'],
): Promise<readonly GraphImage[]> {
  const plan = aPlanOf(push, { plannedAt: '2026-01-01T00:00:01.000Z', file: FILE });
  const tasks: Plan['tasks'] = plan.tasks.map((task) =>
    task.label === 'lints' ? { ...task, image: { type: 'in-tree', name: 'lint' } } : task,
  );
  return imagesAgain(
    store,
    { ...plan, pushId: pushIdOf(push), images: [...images], tasks },
    { images: before, labels: new Set(labels), signal },
  );
}

async function index(name: string, stored: StoredImage): Promise<void> {
  await store.index.write({ domain: 'demo', name, imageHash: hashOf(name) }, 1, {
    version: 1,
    ...stored,
    taskId: idOf(name),
    run: 0,
    created: '2026-01-01T00:00:00.000Z',
    inputs: plannedImage(name).inputs,
  });
}

const storedOf = ({ stored }: MadeImage): unknown => withoutLayers(stored);

describe('an image of a push that runs a task again', () => {
  it('is the one that the push has built, also when another was built of the same content since', async () => {
    await index('lint', (await putImage(store.blobs, await anImage())).stored);

    const [image] = await again([plannedImage('lint')], [built('lint')]);

    expect(image).toMatchObject({ action: 'reuse', stored: storedOf(first), force: false });
    expect(image?.before).toMatchObject({ outcome: 'built', manifestDigest: first.stored.manifestDigest });
  });

  it('is the one that its plan had found, also where its record does not name it', async () => {
    const reused = plannedImage('lint', { action: 'reuse', stored: first.stored });

    const [image] = await again([reused], [ended('lint', { outcome: 'reused' })]);

    expect(image).toMatchObject({ action: 'reuse', stored: storedOf(first) });
  });

  it('is the one of the newest round, and not what its plan had found', async () => {
    const later = await putImage(store.blobs, await anImage());
    const reused = plannedImage('lint', { action: 'reuse', stored: first.stored });

    const [image] = await again([reused], [built('lint', later)]);

    expect(image).toMatchObject({ action: 'reuse', stored: storedOf(later) });
  });

  it('counts as used, so that the index keeps it', async () => {
    await index('lint', first.stored);
    const key = { domain: 'demo', name: 'lint', imageHash: hashOf('lint') };
    expect((await store.index.find(key, 1))?.entry.used).toBeUndefined();

    await again([plannedImage('lint')], [built('lint')]);

    expect((await store.index.find(key, 1))?.entry.used).toBeDefined();
  });

  it.each(['manifest', 'config', 'layer'] as const)('is asked for where its %s is gone', async (part) => {
    const bytes = { manifest: first.manifest, config: first.config, layer: first.layers[0]! }[part];
    await objects.delete([blobKey(digestOf(bytes))]);

    const [image] = await again([plannedImage('lint', { force: true })], [built('lint')]);

    expect(image).toMatchObject({ action: 'build', force: false });
    expect(image?.stored).toBeUndefined();
  });

  it('is asked for where it is damaged, and what is damaged is removed', async () => {
    const digest = digestOf(first.manifest);
    await objects.put(blobKey(digest), Buffer.from('{}'));

    const [image] = await again([plannedImage('lint')], [built('lint')]);

    expect(image?.action).toBe('build');
    expect(await store.blobs.stat(digest)).toMatchObject({ sizeBytes: 0 });
  });

  it('that could not be had is asked for, with a rebuild where that was wanted', async () => {
    const images = [plannedImage('lint', { force: true })];

    for (const outcome of ['failed', 'canceled', 'pending'] as const)
      expect(await again(images, [ended('lint', { outcome })])).toMatchObject([
        { action: 'build', force: true, before: { outcome } },
      ]);
  });

  it('is not that of another content, which a plan of before had', async () => {
    const [image] = await again([plannedImage('lint')], [{ ...built('lint'), imageHash: 'another' }]);

    expect(image?.action).toBe('build');
  });

  it('has its parents asked for only where it has to be asked for itself', async () => {
    const images = [plannedImage('base'), plannedImage('lint', { parent: 'base' })];
    const actions = async (before: readonly PushImage[]): Promise<readonly string[]> =>
      (await again(images, before)).map(({ action }) => action);

    // The parent was built again since, and is another one.
    await index('base', (await putImage(store.blobs, await anImage())).stored);
    expect(await actions([ended('base', { outcome: 'failed' }), built('lint')])).toEqual(['keep', 'reuse']);
    expect(await actions([built('base'), ended('lint', { outcome: 'failed' })])).toEqual(['reuse', 'build']);
    expect(await actions([ended('base'), ended('lint', { outcome: 'failed' })])).toEqual(['build', 'build']);
  });

  it('that no task needs is kept, and known as it was recorded for one that may need it later', async () => {
    const [image] = await again([plannedImage('lint')], [built('lint')], ['plain']);

    expect(image).toMatchObject({ action: 'keep', stored: storedOf(first), before: { outcome: 'built' } });
  });
});
