import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Level } from '../../../model/pure/ids.ts';
import type { MadePlan } from '../../../steps/make-plan.ts';
import { makePlan } from '../../../steps/make-plan.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';

const REVISION = '1'.repeat(40);

let store: Store;
/** Keys of routes and of records of tasks that were read. */
let reads: string[];
let mostAtOnce: number;
beforeEach(() => {
  const objects = createMemoryObjectStore();
  let underWay = 0;
  reads = [];
  mostAtOnce = 0;
  store = createStore({
    ...objects,
    async get(key, signal) {
      if (/\/(routes|tasks)\//.test(key)) reads.push(key);
      mostAtOnce = Math.max(mostAtOnce, (underWay += 1));
      await turn();
      underWay -= 1;
      return objects.get(key, signal);
    },
  });
});

async function leave(namespace: string, names: readonly string[], level: Level = 1): Promise<void> {
  await store.routes.record('demo', level, {
    version: 1,
    namespace,
    taskId: `task/demo/${level}/${REVISION}/make`,
    run: 0,
    artifacts: names.map((name) => ({ name, sha256: 'a'.repeat(64) })),
    plannedAt: '2026-01-01T00:00:00.000Z',
  });
  reads = [];
  mostAtOnce = 0;
}

const plan = (file: unknown, changed?: readonly string[]): Promise<MadePlan> =>
  makePlan(memoryTree({ 'slipway.yml': typeof file === 'string' ? file : JSON.stringify(file) }), store, {
    pushId: `push/demo/1/${REVISION}`,
    project: 'demo',
    domain: 'demo',
    level: 1,
    repository: 'file:///demo',
    ref: 'refs/heads/main',
    request: {},
    platform: 'linux/amd64',
    plannedAt: '2026-01-10T00:00:00.000Z',
    findChanges: () =>
      Promise.resolve(changed && { files: changed, since: { revision: REVISION, what: 'before' } }),
    signal: new AbortController().signal,
  });

const tasksOf = (count: number, task: (n: number) => object): Record<string, object> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`t${n}`, task(n)]));

const errorsOf = (made: MadePlan): readonly unknown[] => (made.outcome === 'invalid' ? made.findings : []);

describe('routes of other pushes', () => {
  it('are looked up once each, however many tasks take an image or files by them', async () => {
    const names = Array.from({ length: 50 }, (_, n) => `public/${n}/a`);
    await leave('tools.latest', ['public/image.tar', ...names]);
    const tasks = tasksOf(1_000, (n) => ({
      image: { type: 'indexed-image', namespace: 'tools.latest', path: 'public/image.tar' },
      inputs: { '/in': { namespace: 'tools.latest', artifact: `public/${n % 50}` } },
    }));

    const made = await plan({ version: 1, tasks });

    expect(errorsOf(made)).toEqual([]);
    // One at each level that may be read, whether images ask, from the highest on, or files, from their own.
    const keys = reads.map((key) => key.slice(0, 'level-N'.length));
    expect(keys).toEqual(['level-3', 'level-2', 'level-1']);
    expect(made).toMatchObject({ outcome: 'planned' });
    const planned = made.outcome === 'planned' ? made.plan.tasks : [];
    expect(planned.map(({ image, inputs }) => [image, inputs['/in']])).toEqual(
      planned.map((_, n) => [
        expect.objectContaining({
          pinned: { taskId: `task/demo/1/${REVISION}/make`, run: 0, sha256: 'a'.repeat(64) },
        }),
        expect.objectContaining({
          pinned: expect.objectContaining({
            files: [{ name: `public/${n % 50}/a`, sha256: 'a'.repeat(64) }],
          }),
        }),
      ]),
    );
  });

  it('are looked up side by side, and all that are not there are named', async () => {
    const made = await plan({
      version: 1,
      tasks: tasksOf(40, (n) => ({
        image: 'debian',
        inputs: { '/in': { namespace: `tools.n${n % 20}`, artifact: 'public/a' } },
      })),
    });

    expect(errorsOf(made)).toHaveLength(40);
    expect(mostAtOnce).toBe(16);
    expect(reads).toHaveLength(new Set(reads).size);
  });

  it('are not the only thing that is looked up once: so is a task that is named by its id', async () => {
    const made = await plan({
      version: 1,
      tasks: tasksOf(100, () => ({
        image: { type: 'task-image', taskId: `task/demo/1/${REVISION}/gone`, path: 'public/image.tar' },
      })),
    });

    expect(errorsOf(made)).toHaveLength(100);
    expect(reads).toHaveLength(1);
  });
});

describe('conditions', () => {
  it('of many tasks against many changed files leave others their turns', async () => {
    const files = Array.from({ length: 100_000 }, (_, n) => `packages/p${n % 1_000}/f${n}.ts`);
    const tasks = tasksOf(300, (n) => ({
      image: 'debian',
      when: { changed: [`packages/p${n * 4}/**`, `apps/a${n}/**`] },
    }));
    let isOver = false;
    let turns = 0;
    const others = (async () => {
      for (; !isOver; turns += 1) await turn();
    })();

    const made = await plan({ version: 1, tasks }, files);
    isOver = true;
    await others;

    expect(made.outcome === 'planned' && made.plan.tasks).toHaveLength(250);
    expect(turns).toBeGreaterThan(300);
  });
});

describe('a plan that is too large to be kept', () => {
  const tooLarge = {
    severity: 'error',
    file: 'slipway.yml',
    message: expect.stringContaining('the plan comes to more than 64000000 characters'),
    hint: expect.stringContaining('take many files as one archive'),
  };

  it('is refused when the files of a directory are too many for so many tasks', async () => {
    await leave(
      'site.latest',
      Array.from({ length: 1_000 }, (_, n) => `public/site/${n}.html`),
    );
    const input = { '/in': { namespace: 'site.latest', artifact: 'public/site' } };

    const made = await plan({
      version: 1,
      tasks: tasksOf(10_000, () => ({ image: 'debian', inputs: input })),
    });

    expect(errorsOf(made)).toEqual([expect.objectContaining({ ...tooLarge, line: 1, column: 14 })]);
  });

  it('is refused when an anchor is used too often', async () => {
    const lines = Array.from({ length: 600 }, (_, n) => `  t${n}: { image: debian, env: *env }`);

    const made = await plan(
      `version: 1\nx-env: &env { QUOTES: '${'"'.repeat(100_000)}' }\ntasks:\n${lines.join('\n')}\n`,
    );

    expect(errorsOf(made)).toEqual([expect.objectContaining({ ...tooLarge, line: 3, column: 1 })]);
  });
});
