import { beforeEach, expect, it } from '@jest/globals';
import { pushChanges } from '../../../client/cli/render/push-changes.ts';
import { describeDecision } from '../../../client/describe-decision.ts';
import { imageTaskId } from '../../../model/pure/ids.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import type { PushRecord } from '../../../model/schema/records.ts';
import { afterDecision } from '../../../steps/decided.ts';
import { graphImage } from '../../../steps/graph-image.ts';
import { makePlan } from '../../../steps/make-plan.ts';
import { composeDocument } from '../../../steps/push-document.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const CHILD = 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n';
const PUSH_ID = `push/demo/1/${'1'.repeat(40)}`;

let store: Store;
beforeEach(() => {
  store = createStore(createMemoryObjectStore());
});

interface Wanted {
  readonly tasks?: string[];
  readonly rebuild?: string[];
  readonly deep?: string;
}

/** What a push would do with `base`, `lint` on it and `deep` on that, by default for a task in `deep`. */
async function plan({ deep = 'LABEL c=d\n', tasks = ['deep'], rebuild }: Wanted = {}): Promise<Plan> {
  const tree = memoryTree({
    'slipway.yml': `version: 1
images:
  base: { context: base }
  lint: { context: lint, parent: base }
  deep: { context: deep, parent: lint }
tasks:
  base: { image: { in-tree: base }, command: "true" }
  deep: { image: { in-tree: deep }, command: "true" }
`,
    'base/Dockerfile': 'FROM scratch\nCOPY a /\n',
    'base/a': '',
    'lint/Dockerfile': `${CHILD}LABEL a=b\n`,
    'deep/Dockerfile': `${CHILD}${deep}`,
  });
  const made = await makePlan(tree, store, {
    ...{ pushId: PUSH_ID, project: 'demo', domain: 'demo', level: 1 },
    ...{ repository: 'file:///demo', ref: 'refs/heads/main', platform: 'linux/amd64' },
    request: { tasks, ...(rebuild ? { rebuild } : {}) },
    plannedAt: '2026-01-10T00:00:00.000Z',
    findChanges: () => Promise.resolve(undefined),
    signal: new AbortController().signal,
  });
  if (made.outcome !== 'planned') throw new Error(JSON.stringify(made));
  return made.plan;
}

async function actions(wanted?: Wanted): Promise<string> {
  return (await plan(wanted)).images.map(({ name, action }) => `${name} ${action}`).join(', ');
}

/** Leaves in the store what builds leave. */
async function build(...names: string[]): Promise<void> {
  for (const { name, imageHash, inputs } of (await plan()).images) {
    if (!names.includes(name)) continue;
    const { stored } = await putImage(store.blobs, await anImage());
    const key = { domain: 'demo', name, imageHash: imageHash! };
    const taskId = imageTaskId({ ...key, level: 1 });
    const created = '2026-01-09T00:00:00.000Z';
    await store.index.write(key, 1, { version: 1, ...stored, taskId, run: 0, created, inputs });
  }
}

it('A parent that is not there is built only with a child that is built', async () => {
  expect(await actions()).toBe('base build, lint build, deep build');

  await build('lint', 'deep');
  expect(await actions()).toBe('base not-needed, lint reuse, deep reuse');
  expect(await actions({ deep: 'LABEL e=f\n' })).toBe('base not-needed, lint reuse, deep build');
});

it('A parent that only what is not needed stands on is not needed either', async () => {
  await build('deep');

  expect(await actions()).toBe('base not-needed, lint not-needed, deep reuse');
  expect(await actions({ deep: 'LABEL e=f\n' })).toBe('base build, lint build, deep build');
});

it('A parent that a task, a pattern or a rebuild names is built, whatever is on it', async () => {
  await build('lint', 'deep');

  expect(await actions({ tasks: ['base', 'deep'] })).toBe('base build, lint reuse, deep reuse');
  expect(await actions({ tasks: ['deep', 'image:base'] })).toBe('base build, lint reuse, deep reuse');
  expect(await actions({ rebuild: ['lint'] })).toBe('base build, lint build, deep build');
});

it('A parent that is not needed is asked for by nobody, and the record says so', async () => {
  await build('lint', 'deep');
  const planned = await plan();
  const [base] = planned.images;

  expect(base?.why).toBe('no task names it, and what stands on it is known');
  expect(graphImage(base!)).toMatchObject({ action: 'keep', before: { outcome: 'not-needed' } });
  const record: PushRecord = {
    ...{ version: 1, pushId: PUSH_ID, project: 'demo', domain: 'demo', level: 1, revision: '1'.repeat(40) },
    ...{ repository: 'file:///demo', refs: ['refs/heads/main'], request: {}, pushedBy: 'me' },
    received: '2026-01-10T00:00:00.000Z',
  };
  const document = composeDocument({
    ...{ record, plan: planned, findings: [], outcomes: [], taskRecords: new Map() },
  });
  expect(document.images.map(({ outcome }) => outcome)).toEqual(['not-needed', 'reused', 'reused']);
  expect(describeDecision({ ...document, decisionMs: 1 })).toEqual([
    '1 task; nothing to build; known: lint, deep',
  ]);
  expect(pushChanges(undefined, { ...document, decisionMs: 1 }).slice(0, 2)).toEqual([
    'planned in 0.0 s: 1 task, 3 images, 0 to build',
    'image base: not needed',
  ]);
});

it('A parent that a decision program did not need is built for a task that it printed', async () => {
  await build('lint', 'deep');
  const first = await plan();

  const second = afterDecision(await plan({ tasks: ['base', 'deep'] }), { plan: first });

  expect(second.images.map(({ action }) => action)).toEqual(['build', 'reuse', 'reuse']);
});
