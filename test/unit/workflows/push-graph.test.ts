import { describe, expect, it } from '@jest/globals';
import type { GraphTask } from '../../../model/pure/graph-pages.ts';
import type { ImageResolved, TaskResolved } from '../../../model/pure/payloads.ts';
import { PushGraph } from '../../../workflows/push-graph.ts';
import { aTask, completed } from '../../helpers/graph-task.ts';

const failed = (label: string): TaskResolved => ({ label, state: 'failed', reason: 'failed' });
const STORED = { manifestDigest: 'sha256:m', configDigest: 'sha256:c', diffIds: [], sizeBytes: 1 } as const;
const built: ImageResolved = {
  taskId: 'image/d/1/i/h',
  reason: 'built',
  stored: { ...STORED, diffIds: [] },
  bytesUploaded: 0,
};
const labels = (tasks: readonly GraphTask[]): string[] => tasks.map(({ label }) => label);

describe('PushGraph', () => {
  it('gives tasks out once, at most as many as may start', () => {
    const graph = new PushGraph([aTask('a'), aTask('b'), aTask('c')]);

    expect([labels(graph.takeReady(2)), labels(graph.takeReady(2)), labels(graph.takeReady(2))]).toEqual([
      ['a', 'b'],
      ['c'],
      [],
    ]);
  });

  it('holds a task back until image and dependencies are there', () => {
    const graph = new PushGraph([aTask('a'), aTask('b', ['a'], { image: 'i' })]);
    graph.takeReady(9);

    graph.resolveTask(completed('a'));
    expect(labels(graph.takeReady(9))).toEqual([]);
    graph.resolveImage('i', built);
    expect(labels(graph.takeReady(9))).toEqual(['b']);
  });

  it('names the first culprit along a chain and gives the whole chain up at once', () => {
    const graph = new PushGraph([aTask('a'), aTask('b', ['a']), aTask('c', ['b']), aTask('d', ['c'])]);
    graph.takeReady(9);

    graph.resolveTask(failed('a'));
    graph.takeReady(9);

    expect(graph.takeNeverStarted().map(({ label, culprit }) => `${label} ${culprit ?? ''}`)).toEqual([
      'b a',
      'c a',
      'd a',
    ]);
    expect([graph.isDone, graph.allCompleted()]).toEqual([true, false]);
  });

  it('takes a second answer about a task or image for nothing', () => {
    const graph = new PushGraph([aTask('a', [], { image: 'i' })]);
    graph.resolveImage('i', built);
    graph.resolveImage('i', { ...built, reason: 'image-build-failed' });
    graph.takeReady(9);

    graph.resolveTask(completed('a'));
    graph.resolveTask(failed('a'));

    expect(graph.allCompleted()).toBe(true);
  });

  it('goes on from its state as if nothing had happened', () => {
    const tasks = [aTask('a'), aTask('b', ['a']), aTask('c', ['b'])];
    const before = new PushGraph(tasks);
    before.takeReady(9);
    before.resolveTask(completed('a'));
    before.takeReady(9);

    const after = new PushGraph(tasks, before.state);

    expect(labels(after.takeReady(9))).toEqual([]);
    expect(after.openLabels).toEqual(['b']);
    after.resolveTask(completed('b'));
    expect(labels(after.takeReady(9))).toEqual(['c']);
  });

  it('says of a task without its image why in short: the record of the image has all of it', () => {
    const tasks = Array.from({ length: 1_000 }, (_, i) => aTask(`t${i}`, [], { image: 'i' }));
    const graph = new PushGraph(tasks);
    const detail = `it failed: ${'\u0001'.repeat(5_000)}`;

    graph.resolveImage('i', { ...built, reason: 'image-build-failed', stored: undefined, detail });
    graph.takeReady(9);

    const given = graph.takeNeverStarted();
    expect(given).toHaveLength(1_000);
    expect(given[0]?.detail).toMatch(/^it failed: /);
    const advice = `${'why it is so, at length; '.repeat(30)}what to do`;
    graph.reopen(new Map([['t0', 1]]));
    graph.resolveImage('i', { ...built, reason: 'image-build-failed', stored: undefined, detail: advice });
    graph.takeReady(9);
    expect(graph.takeNeverStarted()).toMatchObject([{ label: 't0', detail: advice }]);
    // So many are recorded together.
    expect(JSON.stringify(given).length).toBeLessThan(2_000_000);
  });

  it('names one culprit of thousands only once when it goes on, and takes them from a run of before that named each', () => {
    const tasks = [
      aTask('open'),
      ...Array.from({ length: 10_000 }, (_, i) => aTask(`t${i}`, [], { image: 'i' })),
      ...[aTask('late', ['open', 't7'], { requires: 'all-resolved' }), aTask('never', ['open', 'late'])],
    ];
    const culprit = `image/demo/1/tools/${'a'.repeat(64)}`;
    const before = new PushGraph(tasks);
    before.resolveImage('i', { taskId: culprit, reason: 'image-build-failed', bytesUploaded: 0 });
    before.takeReady(9);
    before.takeNeverStarted();

    const { state } = before;
    const asBefore = { ...state, culprits: tasks.slice(1, 10_001).map((_, i) => [i + 1, culprit] as const) };

    expect(JSON.stringify(state).length).toBeLessThan(100_000);
    for (const carried of [state, asBefore]) {
      const after = new PushGraph(tasks, carried);
      after.resolveTask(completed('open'));
      expect(labels(after.takeReady(9))).toEqual(['late']);
      expect(after.state).toEqual({
        ...state,
        letters: `c${'e'.repeat(10_000)}o-`,
      });
    }
  });

  it('handles 10,000 tasks in one chain', () => {
    const tasks = Array.from({ length: 10_000 }, (_, i) => aTask(`t${i}`, i === 0 ? [] : [`t${i - 1}`]));
    const graph = new PushGraph(tasks);
    graph.takeReady(40);

    graph.resolveTask(failed('t0'));
    graph.takeReady(40);

    expect(graph.takeNeverStarted()).toHaveLength(9_999);
  });
});
