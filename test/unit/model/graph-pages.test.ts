import { describe, expect, it } from '@jest/globals';
import type { GraphPage, GraphTask } from '../../../model/pure/graph-pages.ts';
import { graphPage, graphTasks } from '../../../model/pure/graph-pages.ts';

const aTask = (label: string, options: Partial<GraphTask> = {}): GraphTask => ({
  label,
  dependencies: [],
  requires: 'all-completed',
  firstRun: 0,
  retries: 5,
  deadlineSeconds: 86_400,
  maxRunTimeSeconds: 3_600,
  priority: 5,
  ...options,
});

function pagesOf(tasks: readonly GraphTask[]): GraphPage[] {
  const places = new Map(tasks.map(({ label }, place) => [label, place]));
  const pages: GraphPage[] = [];
  for (let from: number | undefined = 0; from !== undefined; from = pages.at(-1)?.next)
    pages.push(graphPage(tasks, from, (label) => places.get(label) ?? -1));
  return pages;
}

describe('graph pages', () => {
  it('tell everything of every task, whatever they have in common', () => {
    const tasks = [
      aTask('a'),
      aTask('b', { dependencies: ['a'], image: 'lint', requires: 'all-resolved', firstRun: 3 }),
      aTask('c/d', { dependencies: ['a', 'b'], priority: 1, retries: 0 }),
      aTask('e', { ended: { state: 'exception', reason: 'dependency-failed', culprit: 'a' } }),
    ];

    expect(graphTasks(pagesOf(tasks))).toEqual(tasks);
  });

  it('of no tasks are one that is empty', () => {
    expect(pagesOf([])).toEqual([{ kinds: [], tasks: [] }]);
  });

  it('of 10,000 tasks stay far below what a payload may have, and all together below what a history may', () => {
    const tasks = Array.from({ length: 10_000 }, (_, i) =>
      aTask(`test/some-suite-of-tests/part-${i}`, {
        dependencies: i < 20 ? [] : [1, 7, 19].map((back) => `test/some-suite-of-tests/part-${i - back}`),
        image: `image-${i % 40}`,
      }),
    );

    const pages = pagesOf(tasks);

    const sizes = pages.map((page) => JSON.stringify(page).length);
    expect(Math.max(...sizes)).toBeLessThan(512_000);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(1_000_000);
    expect(graphTasks(pages)).toEqual(tasks);
  });

  it('tell of dependencies that thousands of tasks have in common once', () => {
    const builds = Array.from({ length: 300 }, (_, i) => aTask(`build/number-${i}`));
    const common = builds.map(({ label }) => label).slice(0, 80);
    const tests = Array.from({ length: 2_000 }, (_, i) =>
      aTask(`test/part-${i}`, { dependencies: i % 2 === 0 ? [...common] : [...common, `build/number-299`] }),
    );
    const tasks = [...builds, ...tests, aTask('last', { dependencies: ['test/part-1999'] })];

    const pages = pagesOf(tasks);

    expect(JSON.stringify(pages).length).toBeLessThan(100_000);
    const read = graphTasks(pages);
    expect(read).toEqual(tasks);
    expect(new Set(read.map(({ dependencies }) => dependencies)).size).toBeLessThan(400);
  });

  it('may name the dependencies of each task, as they did in histories of before', () => {
    const { dependencies: _none, label: _label, firstRun: _firstRun, ...kind } = aTask('a');
    const first = { kinds: [kind], tasks: [['a', 0, 0, []] as const, ['b', 0, 0, [0]] as const], next: 2 };
    const second = { kinds: [kind], tasks: [['c', 0, 0, [0, 1]] as const, ['d', 0, 0, [0, 1]] as const] };

    expect(graphTasks([first, second]).map(({ label, dependencies }) => [label, ...dependencies])).toEqual([
      ['a'],
      ['b', 'a'],
      ['c', 'a', 'b'],
      ['d', 'a', 'b'],
    ]);
  });

  it('take a task with thousands of dependencies', () => {
    const tasks = Array.from({ length: 10_000 }, (_, i) => aTask(`t${i}`));
    const labels = tasks.map(({ label }) => label);
    const all = [...tasks, ...['x', 'y', 'z'].map((label) => aTask(label, { dependencies: labels }))];

    expect(graphTasks(pagesOf(all))).toEqual(all);
  });
});
