import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PlannedInput, PlannedTask } from '../../../model/schema/plan.ts';
import { pinInputs } from '../../../steps/pin-inputs.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { createStore } from '../../../store/create-store.ts';
import type { Store } from '../../../store/store.ts';

const SHA = 'a'.repeat(64);
const REVISION = '1'.repeat(40);

let store: Store;
beforeEach(() => {
  store = createStore(createMemoryObjectStore());
});

const record = (level: 1 | 3, namespace: string): Promise<void> =>
  store.routes.record('demo', level, {
    version: 1,
    namespace,
    taskId: `task/demo/${level}/${REVISION}/make`,
    run: 2,
    artifacts: ['public/a', 'public/a.txt', 'public/tree/x', 'public/tree/y'].map((name) => ({
      name,
      sha256: SHA,
    })),
    plannedAt: '2026-01-01T00:00:00.000Z',
  });

async function pin(input: PlannedInput, given: Store | undefined = store): ReturnType<typeof pinInputs> {
  const task = { label: 'take', inputs: { '/in': input } } as unknown as PlannedTask;
  return pinInputs([task], given, {
    domain: 'demo',
    level: 1,
    file: 'slipway.yml',
    position: (path) => ({ line: path.length, column: 1 }),
    pathOf: ({ label }) => ['tasks', label],
  });
}

describe('pinInputs', () => {
  it('gives a file, or what is below a directory, by digest', async () => {
    await record(1, 'made.latest');
    const file = await pin({ namespace: 'made.latest', artifact: 'public/a' });
    const tree = await pin({ namespace: 'made.latest', artifact: 'public/tree' });
    const pinned = (names: string[]) => ({
      taskId: `task/demo/1/${REVISION}/make`,
      run: 2,
      files: names.map((name) => ({ name, sha256: SHA })),
    });
    expect(file.tasks[0]?.inputs['/in']).toMatchObject({ pinned: pinned(['public/a']) });
    expect(tree.tasks[0]?.inputs['/in']).toMatchObject({
      pinned: pinned(['public/tree/x', 'public/tree/y']),
    });
  });

  it('says what is not there, and where it was asked for', async () => {
    await record(1, 'made.latest');
    const route = await pin({ namespace: 'made.never', artifact: 'public/a' });
    const artifact = await pin({ namespace: 'made.latest', artifact: 'public/b' });
    expect(route.findings).toEqual([
      expect.objectContaining({
        severity: 'error',
        line: 5,
        message: expect.stringContaining('"made.never"'),
      }),
    ]);
    expect(artifact.findings[0]?.message).toContain('has no artifact "public/b"');
  });

  it('refuses files of a higher level, whose artifacts a lower one may not read', async () => {
    await record(3, 'made.latest');
    const { findings } = await pin({ namespace: 'made.latest', artifact: 'public/a' });
    expect(findings[0]?.message).toContain(
      'of level 3: of a higher level images are shared, and files are not',
    );
  });

  it('gives files of its own level, also where a higher one has the route too', async () => {
    await record(1, 'made.latest');
    await record(3, 'made.latest');
    const { tasks, findings } = await pin({ namespace: 'made.latest', artifact: 'public/a' });
    expect(findings).toEqual([]);
    expect(tasks[0]?.inputs['/in']).toMatchObject({ pinned: { taskId: `task/demo/1/${REVISION}/make` } });
  });

  it('leaves an optional one open that is not there, and pins one that is', async () => {
    await record(1, 'made.latest');
    await record(3, 'made.above');
    for (const missing of [
      { namespace: 'made.never', artifact: 'public/a', optional: true },
      { namespace: 'made.latest', artifact: 'public/b', optional: true },
      { namespace: 'made.above', artifact: 'public/a', optional: true },
    ] as const) {
      const { tasks, findings } = await pin(missing);
      expect(tasks[0]?.inputs['/in']).toEqual(missing);
      expect(findings).toEqual([]);
    }

    const there = await pin({ namespace: 'made.latest', artifact: 'public/a', optional: true });
    expect(there.tasks[0]?.inputs['/in']).toMatchObject({ optional: true, pinned: { run: 2 } });
  });

  it('leaves other inputs, and all without a store, as they are', async () => {
    const own = { task: 'make', artifact: 'public/a' };
    const routed = { namespace: 'made.latest', artifact: 'public/a' };
    expect((await pin(own)).tasks[0]?.inputs['/in']).toEqual(own);
    const task = { label: 'take', inputs: { '/in': routed } } as unknown as PlannedTask;
    const open = await pinInputs([task], undefined, {} as never);
    expect(open).toEqual({ tasks: [task], findings: [] });
  });
});
