import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { StoreOutOfSpace } from '../../../model/errors.ts';
import { imageTaskId, parseId, pushId as idOf } from '../../../model/pure/ids.ts';
import type { ImageCoordinates } from '../../../model/pure/ids.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import type { Plan, PlannedImage } from '../../../model/schema/plan.ts';
import type { GitSource } from '../../../source/git-source.ts';
import { openImageTarball } from '../../../steps/image-tarball.ts';
import { planPush } from '../../../steps/plan-push.ts';
import { storeTarballs } from '../../../steps/store-tarballs.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Artifacts, Store } from '../../../store/store.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';
import { aPushInput } from '../../helpers/push-input.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';

const signal = new AbortController().signal;
const context = { signal, isCanceled: () => false, onProgress: () => undefined };
const TAR = 'public/image.tar';
const created = '2026-01-09T00:00:00.000Z';
const known = 'built before, at level 1 on 2026-01-09 00:00';

let store: Store;
let made: MadeImage;
let taskId: string;
/** An image that was built when its tarball was not to be stored. */
beforeEach(async () => {
  store = emptyStore();
  const base = await putImage(store.blobs, await anImage());
  await store.index.recordBase('demo', 3, {
    ...{ version: 1, ...base.stored, reference: 'debian:12', platform: 'linux/amd64' },
    ...{ resolved: created, source: 'pulled' },
  });
  const { imageHash, inputs } = await plan('view', 'b');
  const key = { domain: 'demo', name: 'lint', imageHash: imageHash ?? '' };
  taskId = imageTaskId({ ...key, level: 1 });
  made = await putImage(store.blobs, await anImage());
  await store.index.write(key, 1, { version: 1, ...made.stored, taskId, run: 0, created, inputs });
  await store.tasks.change(taskId, () => ({
    ...{ version: 1, taskId, label: 'image lint', pushId: 'push/demo/1/x', image: 'lint', created },
    ...{ state: 'completed', reason: 'completed', resolved: created },
    runs: [{ run: 0, state: 'completed', reason: 'completed', phases: {}, artifacts: [] }],
  }));
});

/** What a push says of its image. */
async function plan(tarball: 'view' | 'stored', revision: string): Promise<PlannedImage> {
  const tree = memoryTree({
    'slipway.yml': `version: 1\nimages: { lint: { context: lint, tarball: ${tarball} } }\ntasks: { t: { image: { in-tree: lint }, command: "true" } }\n`,
    'lint/Dockerfile': 'FROM debian:12\n',
  });
  const source = {
    open: () => Promise.resolve(tree),
    message: () => Promise.resolve(''),
  } as unknown as GitSource;
  const push = aPushInput({ revision: revision.repeat(40) });
  const sources = [{ repository: push.repository, refs: { main: 1 } }];
  const config = serverConfigSchema.parse({ version: 1, projects: { demo: { sources } } });
  const pushId = idOf(push);
  const planned = await planPush(
    { store, source, config, platform: 'linux/amd64' },
    { push, pushId, unavailableBases: {} },
    context,
  );
  expect(planned).toMatchObject({ outcome: 'planned' });
  return (await store.pushes.findPlan(pushId))!.images[0]!;
}

function withWrite(write: Artifacts['write']): void {
  store = { ...store, artifacts: { ...store.artifacts, write } };
}

describe('an image that is there, whose tarball is asked for afterwards', () => {
  it('has it stored by the next push, in the record of its build too, and the plan says so', async () => {
    const image = await plan('stored', 'c');

    expect(image).toMatchObject({
      action: 'reuse',
      why: `${known}; its tarball is stored now, as it was not when it was built`,
    });
    const view = await buffer(
      openImageTarball(store, parseId(taskId) as ImageCoordinates, made.stored, signal),
    );
    const stored = await buffer(await store.artifacts.read(taskId, 0, TAR, signal));
    expect(stored.equals(view)).toBe(true);
    const [run] = (await store.tasks.find(taskId))!.runs;
    expect(run?.artifacts).toEqual([await store.artifacts.find(taskId, 0, TAR)]);
  });

  it('is not stored a second time', async () => {
    await plan('stored', 'c');
    withWrite(() => Promise.reject(new Error('it is there')));

    expect((await plan('stored', 'd')).why).toBe(known);
    expect((await store.tasks.find(taskId))!.runs[0]?.artifacts).toHaveLength(1);
  });

  it('is left alone where the image says "view", and where a higher level has built it', async () => {
    withWrite(() => Promise.reject(new Error('nobody asked for it')));

    const { why, imageHash, inputs } = await plan('view', 'c');
    const key = { domain: 'demo', name: 'lint', imageHash: imageHash ?? '' };
    const entry = { version: 1 as const, ...made.stored, run: 0, created, inputs };
    await store.index.write(key, 3, { ...entry, taskId: imageTaskId({ ...key, level: 3 }) });

    expect(why).toBe(known);
    expect((await plan('stored', 'd')).why).toBe('built before, at level 3 on 2026-01-09 00:00');
  });

  it('fails no push that cannot store it: the plan says why', async () => {
    withWrite(() => Promise.reject(new StoreOutOfSpace('PutObject', 'b', 'k', 'no space left')));

    const image = await plan('stored', 'c');

    expect(image).toMatchObject({ action: 'reuse' });
    expect(image.why).toBe(
      `${known}; its tarball is not stored: The store is full: PutObject failed [bucket=b, key=k]: no space left; the next push tries again`,
    );
    expect(await store.artifacts.find(taskId, 0, TAR)).toBeUndefined();
  });

  describe('and takes long', () => {
    const untilAborted: Artifacts['write'] = (_task, _run, _name, body, options) =>
      new Promise((_, reject) => {
        options.signal?.addEventListener('abort', () => {
          body.destroy();
          reject(options.signal?.reason as Error);
        });
      });
    const planOf = (image: PlannedImage): Plan => ({ images: [image] }) as unknown as Plan;
    const missing = () => [{ name: 'lint', taskId, run: 0, stored: made.stored }];

    it('is not waited for without an end', async () => {
      const image = await plan('view', 'c');
      withWrite(untilAborted);

      const told = await storeTarballs(store, planOf(image), missing(), context, 20);

      expect(told.images[0]?.why).toBe(
        `${known}; its tarball is not stored: it takes too long; the next push tries again`,
      );
    });

    it('ends with the planning that is stopped', async () => {
      const image = await plan('view', 'c');
      withWrite(untilAborted);
      const stop = new AbortController();
      const stopped = new Error('stopped');

      const storing = storeTarballs(store, planOf(image), missing(), { ...context, signal: stop.signal });
      stop.abort(stopped);

      await expect(storing).rejects.toBe(stopped);
    });
  });
});
