import { beforeEach, describe, expect, it } from '@jest/globals';
import { renderWhy } from '../../../client/cli/render/why-text.ts';
import { openBuildContext } from '../../../images/build-context.ts';
import { imageTaskId } from '../../../model/pure/ids.ts';
import type { Plan, PlannedImage } from '../../../model/schema/plan.ts';
import { writeContextList } from '../../../steps/context-list.ts';
import { makePlan } from '../../../steps/make-plan.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const { signal } = new AbortController();

let store: Store;
beforeEach(() => {
  store = createStore(createMemoryObjectStore());
});

interface Parent {
  readonly name: string;
  readonly context: string;
  readonly words?: string;
}

const treeOf = ({ name, context, words = 'one\n' }: Parent): ReturnType<typeof memoryTree> =>
  memoryTree({
    'slipway.yml': `version: 1
images:
  ${name}: { context: ${context} }
  lint: { context: lint, parent: ${name} }
tasks:
  t: { image: { in-tree: lint }, command: "true" }
`,
    [`${context}/Dockerfile`]: 'FROM scratch\nCOPY words /\n',
    [`${context}/words`]: words,
    'lint/Dockerfile': 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n',
  });

async function plan(parent: Parent): Promise<Plan> {
  const made = await makePlan(treeOf(parent), store, {
    ...{ pushId: `push/demo/1/${'1'.repeat(40)}`, project: 'demo', domain: 'demo', level: 1 },
    ...{ repository: 'file:///demo', ref: 'refs/heads/main', request: {}, platform: 'linux/amd64' },
    plannedAt: '2026-01-10T00:00:00.000Z',
    findChanges: () => Promise.resolve(undefined),
    signal,
  });
  if (made.outcome !== 'planned') throw new Error(JSON.stringify(made));
  return made.plan;
}

/** Leaves in the store what a push leaves that builds all of it. */
async function build(built: Parent): Promise<void> {
  for (const { name, context, parent, imageHash, inputs } of (await plan(built)).images) {
    const { stored } = await putImage(store.blobs, await anImage());
    const key = { domain: 'demo', name, imageHash: imageHash! };
    const created = '2026-01-09T00:00:00.000Z';
    const taskId = imageTaskId({ ...key, level: 1 });
    const entry = { version: 1 as const, ...stored, taskId, run: 0, created, inputs };
    const definition = { imageName: name, context, args: {}, hasParent: parent !== null };
    const files = [...(await (await openBuildContext(treeOf(built), definition)).files())];
    const from = { version: 1 as const, repository: 'file:///demo', revision: '1'.repeat(40) };
    await writeContextList(store, entry, { ...from, context, parent, files }, signal);
    await store.index.write(key, 1, entry);
  }
}

async function lintOn(parent: Parent): Promise<PlannedImage> {
  return (await plan(parent)).images.find(({ name }) => name === 'lint')!;
}

function shown(image: PlannedImage): string {
  const document = { ...image, explanation: image.explanation!, diffs: {} };
  return renderWhy(document, { paint: (_, text) => text }).join('\n');
}

describe('an image whose parent has another name', () => {
  it('and is otherwise the same is the same', async () => {
    await build({ name: 'a', context: 'docker/a' });

    expect((await lintOn({ name: 'aa', context: 'docker/a' })).action).toBe('reuse');
  });

  it('and has changed since names what has', async () => {
    await build({ name: 'a', context: 'docker/a' });

    const lint = await lintOn({ name: 'aa', context: 'docker/a', words: 'one\ntwo\n' });

    expect(lint.why).toBe('parent a → aa (docker/a/words)');
    expect(shown(lint)).toMatch(/^parent a → aa, \w{12} → \w{12}\n {2}docker\/a\/words changed$/m);
    expect(shown(lint)).not.toContain('not known any more');
  });

  it('and another directory is on another image', async () => {
    await build({ name: 'a', context: 'docker/a' });

    const lint = await lintOn({ name: 'aa', context: 'docker/aa', words: 'two\n' });

    expect(lint.why).toBe('parent a → aa');
    expect(shown(lint)).not.toContain('not known any more');
  });
});

it('A former parent of the same name that is gone is said to be', async () => {
  await build({ name: 'a', context: 'docker/a' });
  const { inputs } = await lintOn({ name: 'a', context: 'docker/a' });
  await store.index.remove({ domain: 'demo', name: 'a', imageHash: inputs.parent! }, 1);

  const lint = await lintOn({ name: 'a', context: 'docker/a', words: 'two\n' });

  expect(lint.why).toBe('parent a changed');
  expect(shown(lint)).toContain('  its former build is not known any more');
});
