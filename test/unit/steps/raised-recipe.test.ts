import { beforeEach, describe, expect, it } from '@jest/globals';
import { openBuildContext } from '../../../images/build-context.ts';
import { RECIPE } from '../../../images/image-hash.ts';
import { imageTaskId, pushId as pushIdOf } from '../../../model/pure/ids.ts';
import type { Plan, PlannedImage } from '../../../model/schema/plan.ts';
import { writeContextList } from '../../../steps/context-list.ts';
import { recordImage } from '../../../steps/index-image.ts';
import { makePlan } from '../../../steps/make-plan.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';
import { aPushInput } from '../../helpers/push-input.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const { signal } = new AbortController();
const push = aPushInput();
const plannedAt = '2026-01-10T00:00:00.000Z';

let store: Store;
beforeEach(() => {
  store = emptyStore();
});

const treeOf = (words: string): ReturnType<typeof memoryTree> =>
  memoryTree({
    'slipway.yml':
      'version: 1\nimages: { lint: { context: lint } }\ntasks: { t: { image: { in-tree: lint }, command: "true" } }\n',
    'lint/Dockerfile': 'FROM scratch\nCOPY words /\n',
    'lint/words': words,
  });

async function plan(words: string): Promise<{ readonly plan: Plan; readonly lint: PlannedImage }> {
  const made = await makePlan(treeOf(words), store, {
    ...{ ...push, pushId: pushIdOf(push), domain: 'demo', request: {}, platform: 'linux/amd64', plannedAt },
    findChanges: () => Promise.resolve(undefined),
    signal,
  });
  if (made.outcome !== 'planned') throw new Error(JSON.stringify(made));
  return { plan: made.plan, lint: made.plan.images[0]! };
}

/** Leaves in the store what a build leaves; that of another version by another recipe. */
async function build(words: string, recipe: { readonly recipe?: number }): Promise<void> {
  const { lint } = await plan(words);
  const { name, imageHash, inputs } = lint;
  const { stored } = await putImage(store.blobs, await anImage());
  const key = { domain: 'demo', name, imageHash: imageHash! };
  const made = { taskId: imageTaskId({ ...key, level: 1 }), run: 0, created: '2026-01-09T00:00:00.000Z' };
  const entry = { version: 1 as const, ...stored, ...made, inputs, ...recipe };
  const definition = { imageName: name, context: 'lint', args: {}, hasParent: false };
  const files = [...(await (await openBuildContext(treeOf(words), definition)).files())];
  const from = { version: 1 as const, repository: 'file:///demo', revision: '1'.repeat(40) };
  await writeContextList(store, entry, { ...from, context: 'lint', parent: null, files }, signal);
  await store.index.write(key, 1, entry);
}

describe('why an image is built whose newest build was identified by another recipe', () => {
  const RAISED = 'the recipe by which images are identified changed';

  it('names that beside what else differs', async () => {
    await build('one\n', { recipe: RECIPE + 1 });

    const { lint } = await plan('two\n');

    expect(lint.explanation?.changes.map(({ kind }) => kind)).toEqual(['files', 'recipe']);
    expect(lint.why).toMatch(new RegExp(`words.*; ${RAISED}$`));
  });

  it('names it not where it is the same, nor of a build from before it was written down', async () => {
    for (const recipe of [{ recipe: RECIPE }, {}]) {
      store = emptyStore();
      await build('one\n', recipe);

      expect((await plan('two\n')).lint.explanation?.changes.map(({ kind }) => kind)).toEqual(['files']);
    }
  });
});

it('A build is entered with the recipe that its hash was made by', async () => {
  const { plan: planned, lint } = await plan('one\n');
  await receivePush(store, { push, pushId: planned.pushId }, 'demo');
  await store.pushes.writePlan(planned);
  const { stored } = await putImage(store.blobs, await anImage());
  const built = {
    ...{ stored, bytesUploaded: 1, steps: 1, cachedSteps: 0, phases: {}, worker: 'w', engineId: 'e' },
    started: plannedAt,
  };
  const { name, taskId, imageHash } = lint;

  const named = { pushId: planned.pushId, plannedAt, taskId, name, run: 0 };
  await recordImage({ store, plans: new PlanCache(store) }, { ...named, reason: 'built', built });

  const found = await store.index.find({ domain: 'demo', name, imageHash: imageHash! }, 1);
  expect(found?.entry.recipe).toBe(RECIPE);
});
