import { beforeEach, expect, it } from '@jest/globals';
import { readLog } from '../../../client/read-task.ts';
import { imageTaskId } from '../../../model/pure/ids.ts';
import type { Plan, PlannedImage } from '../../../model/schema/plan.ts';
import type { RunRecord, TaskRecord } from '../../../model/schema/records.ts';
import { recordPush } from '../../../steps/read-push.ts';
import { recordUnbuilt } from '../../../steps/record-unbuilt.ts';
import { createStore } from '../../../store/create-store.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { taskKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';

const idOf = (name: string): string => imageTaskId({ domain: 'demo', level: 1, name, imageHash: 'unknown' });
const WHY = 'Base image "none:1" cannot be had: 404';

let store: Store;
beforeEach(() => {
  store = emptyStore();
});

function aPlan(over: Partial<Plan> = {}, images: readonly Partial<PlannedImage>[] = []): Plan {
  const named = images.map((image) => ({ ...image, taskId: idOf(image.name ?? '') }));
  return {
    pushId: `push/demo/1/${'a'.repeat(40)}`,
    plannedAt: '2026-01-01T00:00:00.000Z',
    images: named,
    ...over,
  } as unknown as Plan;
}

const failed = (name: string, detail = WHY) =>
  ({ name, outcome: 'failed', bytesUploaded: 0, detail }) as const;

async function logOf(name: string): Promise<string> {
  let text = '';
  const options = { follow: false, signal: new AbortController().signal };
  for await (const chunk of readLog(store, idOf(name), options)) text += chunk.toString();
  return text;
}

it('An image whose base cannot be had has a log that says so, and a child of it one that names it', async () => {
  const images = [
    { name: 'base', unavailable: WHY },
    { name: 'child', unavailable: WHY, culprit: idOf('base') },
    { name: 'fine' },
    { name: 'lost' },
    { name: 'troubled', unavailable: 'a disk is full', troubled: true as const },
  ];
  const outcomes = [
    failed('base'),
    failed('child'),
    { name: 'fine', outcome: 'canceled', bytesUploaded: 0 } as const,
    failed('lost', 'no answer in time'),
    failed('troubled', 'a disk is full'),
  ];

  await recordUnbuilt(store, { plan: aPlan({}, images), outcomes }, {});

  expect((await logOf('base')).replaceAll(/ \S+\] /g, '] ')).toBe(
    [
      `[slipway:error] The task ended without a run: failed/image-build-failed: ${WHY}`,
      '[slipway:error] The next push that needs the image tries again.',
      '',
    ].join('\n'),
  );
  expect(await logOf('child')).toContain(`exception/dependency-failed: ${WHY}\n`);
  expect(await logOf('child')).toContain(`] First culprit: slipway logs ${idOf('base')}\n`);
  expect(await logOf('lost')).toContain('exception/internal-error: no answer in time\n');
  expect(await logOf('troubled')).toContain('exception/internal-error: a disk is full\n');
  await expect(logOf('fine')).rejects.toThrow('has no run');
});

it('What is recorded of an image stays when it is recorded again; another push puts its own in place, and a build stays', async () => {
  const plan = aPlan({}, [{ name: 'base', unavailable: WHY }]);
  await recordUnbuilt(store, { plan, outcomes: [failed('base')] }, {});
  const first = await store.tasks.find(idOf('base'));

  await recordUnbuilt(store, { plan, outcomes: [failed('base', 'else')] }, {});
  expect(await store.tasks.find(idOf('base'))).toEqual(first);

  const later = { ...plan, pushId: `push/demo/1/${'b'.repeat(40)}` };
  await recordUnbuilt(store, { plan: later, outcomes: [failed('base', 'else')] }, {});
  expect(await store.tasks.find(idOf('base'))).toMatchObject({ pushId: later.pushId, detail: 'else' });

  const run: RunRecord = { run: 0, state: 'completed', reason: 'completed', phases: {}, artifacts: [] };
  const isBuilt = (now: TaskRecord | undefined): TaskRecord => ({
    ...now!,
    state: 'completed',
    reason: 'completed',
    runs: [run],
  });
  await store.tasks.change(idOf('base'), isBuilt);
  await recordUnbuilt(store, { plan, outcomes: [failed('base')] }, {});
  expect(await store.tasks.find(idOf('base'))).toMatchObject({ state: 'completed', runs: [run] });
});

it('The record of a push brings those of its images that could not be had', async () => {
  const push = aPushInput();
  const file = 'version: 1\ntasks: { t: { image: "debian:bookworm", command: "true" } }\n';
  const plan = aPlanOf(push, { plannedAt: '2026-01-01T00:00:00.000Z', file });
  const inputs = { contextHash: 'c', args: {}, platform: 'linux/amd64', parent: null, bases: {} };
  const base: PlannedImage = {
    ...{ name: 'base', taskId: idOf('base'), context: 'docker/base', parent: null, tarball: 'view', inputs },
    ...{ contextHash: 'c', imageHash: null, action: 'build', why: '', missingBases: ['none:1'] },
    unavailable: WHY,
  };
  const { pushId, plannedAt } = plan;
  await recordPush(store, { pushId, plannedAt: '', images: [], push });
  await store.pushes.writePlan({ ...plan, images: [base] });

  await recordPush(store, { pushId, plannedAt, images: [failed('base')] });

  expect(await logOf('base')).toContain(`failed/image-build-failed: ${WHY}\n`);
});

it('A damaged record of an image keeps no push from being recorded, and one that was there before is left alone', async () => {
  const objects = createMemoryObjectStore();
  store = createStore(objects);
  await objects.put(`${taskKey(idOf('base'))}/status.json`, Buffer.from('{"version": 1'), {});
  const images = [
    { name: 'base', unavailable: WHY },
    { name: 'other', unavailable: WHY },
    { name: 'known', action: 'reuse' as const },
  ];

  const outcomes = [failed('base'), failed('other'), failed('known')];
  await recordUnbuilt(store, { plan: aPlan({}, images), outcomes }, {});

  expect(await logOf('other')).toContain(WHY);
  expect(await store.tasks.find(idOf('known'))).toBeUndefined();
});
