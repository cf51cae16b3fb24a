import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { PushGraph } from '../../../workflows/push-graph.ts';
import { aTask, completed } from '../../helpers/graph-task.ts';
import { pushScenario } from '../../helpers/push-scenarios.ts';

describe('the order in which a push starts its tasks', () => {
  it('is that in which what they wait for ended, counted from the first of it', () => {
    const graph = new PushGraph([
      ...[aTask('a'), aTask('b')],
      ...[aTask('of-b', ['b']), aTask('of-both', ['a', 'b']), aTask('of-a', ['a'])],
    ]);
    graph.takeReady(9);

    graph.resolveTask(completed('a'));
    graph.resolveTask(completed('b'));

    expect(graph.takeReady(9).map(({ label }) => label)).toEqual(['of-both', 'of-a', 'of-b']);
  });

  // Replay: pushes that run already have started their tasks in this order. Recorded when each end still looked at all dependencies.
  it.each([
    [1, '48efd9a504d3'],
    [2, '5d308a49f496'],
    [3, 'b57484ce8213'],
    [4, '859188e9d00f'],
    [5, '25ab62aad8cf'],
    [6, 'b45bad7135be'],
    [7, 'c1b4cb1cb2a1'],
    [8, 'fc8387f728ce'],
    [9, '05c2359e1ed4'],
    [10, 'c510dad04dd7'],
    [11, 'a0423e688ee3'],
    [12, 'e82185b8108b'],
    [13, 'de9d78a8a424'],
    [14, '681e7a9e0f48'],
    [15, '2dd4494b21b7'],
    [16, 'f57edb2ae3eb'],
  ])('is what it has been, whatever ends, fails or is set back: scenario %i', (seed, recorded) => {
    const { tasks, play } = pushScenario(seed);

    const told = play(new PushGraph(tasks));

    expect(createHash('sha256').update(told.join('\n')).digest('hex').slice(0, 12)).toBe(recorded);
  });
});

describe('what an end takes', () => {
  /** Counts what is read of it. */
  function counted(list: readonly string[]): {
    readonly list: readonly string[];
    readonly reads: () => number;
  } {
    let reads = 0;
    const get = (target: readonly string[], key: string | symbol): unknown => {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads += 1;
      return Reflect.get(target, key) as unknown;
    };
    return { list: new Proxy(list, { get }), reads: () => reads };
  }

  it('is to look at its dependents, not at all that those wait for', () => {
    const builds = Array.from({ length: 100 }, (_, i) => `build${i}`);
    const { list, reads } = counted(builds);
    const tests = Array.from({ length: 1_000 }, (_, i) => aTask(`test${i}`, list));
    const graph = new PushGraph([...builds.map((label) => aTask(label)), ...tests]);
    graph.takeReady(builds.length);

    for (const label of builds) {
      graph.resolveTask(completed(label));
      graph.takeReady(label === builds.at(-1) ? tests.length : 0);
    }

    expect(graph.openCount).toBe(tests.length);
    expect(reads()).toBeLessThan(3 * builds.length * tests.length);
  });

  it('is so little that 10,000 tests which wait for the same 300 builds are started, also after ends in bursts', () => {
    const builds = Array.from({ length: 300 }, (_, i) => `build${i}`);
    const tests = Array.from({ length: 10_000 }, (_, i) => aTask(`test${i}`, builds));
    const graph = new PushGraph([...builds.map((label) => aTask(label)), ...tests]);
    graph.takeReady(builds.length);

    for (let at = 0; at < builds.length; at += 40) {
      for (const label of builds.slice(at, at + 40)) graph.resolveTask(completed(label));
      graph.takeReady(0);
    }
    const started: string[] = [];
    while (graph.hasToCheck) started.push(...graph.takeReady(40).map(({ label }) => label));

    expect(started).toEqual(tests.map(({ label }) => label));
  });
});
