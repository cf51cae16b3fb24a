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

  it('take a task with thousands of dependencies', () => {
    const tasks = Array.from({ length: 10_000 }, (_, i) => aTask(`t${i}`));
    const labels = tasks.map(({ label }) => label);
    const all = [...tasks, ...['x', 'y', 'z'].map((label) => aTask(label, { dependencies: labels }))];

    expect(graphTasks(pagesOf(all))).toEqual(all);
  });
});
