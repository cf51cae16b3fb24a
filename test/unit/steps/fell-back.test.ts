import { beforeEach, expect, it } from '@jest/globals';
import type { BuiltImage } from '../../../model/pure/built-image.ts';
import { imageTaskId, pushId as pushIdOf } from '../../../model/pure/ids.ts';
import type { Plan, PlannedImage } from '../../../model/schema/plan.ts';
import type { RunRecord } from '../../../model/schema/records.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { recordImage } from '../../../steps/index-image.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { readPush, recordPush } from '../../../steps/read-push.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';
import { aPushInput } from '../../helpers/push-input.ts';

const push = aPushInput();
const pushId = pushIdOf(push);
const plannedAt = '2026-01-01T00:00:01.000Z';
const imageHash = 'ab'.repeat(32);
const taskId = imageTaskId({ domain: 'demo', level: 1, name: 'lint', imageHash });
const image: PlannedImage = {
  name: 'lint',
  context: 'docker/lint',
  contextHash: 'c0',
  imageHash,
  parent: null,
  inputs: { contextHash: 'c0', args: {}, platform: 'linux/amd64', parent: null, bases: {} },
  taskId,
  action: 'build',
  why: 'new',
  tarball: 'view',
  missingBases: [],
};

let store: Store;
beforeEach(async () => {
  store = emptyStore();
  const { config } = parseSlipwayYml('version: 1\ntasks: { unit: { image: debian } }\n');
  await receivePush(store, { push, pushId }, 'demo');
  const tasks = Object.values(config?.tasks ?? {}).map(({ when: _when, ...task }) => ({ ...task, why: '' }));
  const about = { version: 1, pushId, plannedAt, domain: 'demo', warnings: [], skipped: [] } as const;
  const plan: Plan = { ...push, ...about, warnings: [], skipped: [], images: [image], tasks };
  await store.pushes.writePlan(plan);
});

it('The record of a build says what moved whole for it and why no earlier layers were used', async () => {
  const { stored } = await putImage(store.blobs, await anImage());
  const built: BuiltImage = {
    ...{ stored, bytesUploaded: 1, steps: 1, cachedSteps: 0, phases: {}, worker: 'w', engineId: 'e' },
    started: plannedAt,
    fellBack: 'parent: pull failed: EOF',
    cacheTrouble: 'parts of it are missing in the store',
  };

  const named = { pushId, plannedAt, taskId, name: 'lint' };
  await recordImage({ store, plans: new PlanCache(store) }, { ...named, run: 0, reason: 'built', built });

  expect((await store.tasks.find(taskId))?.runs).toMatchObject([
    { fellBack: 'parent: pull failed: EOF', cacheTrouble: 'parts of it are missing in the store' },
  ]);
});

it('The document of a push says it of its images and of the runs of its tasks, in short', async () => {
  const unit = `task/${pushId.slice('push/'.length)}/unit`;
  const long = `pull failed: ${'x'.repeat(500)}`;
  const run: RunRecord = { run: 0, state: 'completed', phases: {}, artifacts: [], fellBack: long };
  await store.tasks.change(unit, () => ({
    ...{ version: 1, taskId: unit, label: 'unit', pushId, plannedAt, state: 'completed' },
    ...{ created: plannedAt, resolved: plannedAt, runs: [run] },
  }));
  const outcome = { name: 'lint', outcome: 'built', bytesUploaded: 1, fellBack: long } as const;

  await recordPush(store, { pushId, plannedAt, images: [outcome], verdict: { reason: 'completed' } });

  const { images, tasks } = await readPush(store, pushId);
  expect(images[0]?.fellBack).toMatch(/^pull failed: x{180,186}…$/);
  expect(tasks[0]?.runs[0]?.fellBack).toBe(images[0]?.fellBack);
});
