import { describe, expect, it } from '@jest/globals';
import type { TaskResolved } from '../../../model/pure/payloads.ts';
import { pushDetails, quoted } from '../../../workflows/current-details.ts';
import { PushGraph } from '../../../workflows/push-graph.ts';
import { aTask, completed } from '../../helpers/graph-task.ts';

const doing = 'Running';
const failed = (label: string): TaskResolved => ({ label, state: 'failed', reason: 'out-of-memory' });
const lost = (label: string, culprit: string): TaskResolved => {
  return { label, state: 'exception', reason: 'dependency-failed', culprit };
};

describe('pushDetails', () => {
  it('counts ten thousand tasks and names a few of them, in less than 4 kB however long their names are', () => {
    const labels = Array.from({ length: 10_000 }, (_, i) => String(i).padStart(200, 'x'));
    const graph = new PushGraph(labels.map((label) => aTask(label)));
    graph.takeReady(9_000);
    for (const label of labels.slice(0, 5_000)) graph.resolveTask(completed(label));
    for (const label of labels.slice(5_000, 7_000)) graph.resolveTask(failed(label));
    for (const label of labels.slice(7_000, 8_000)) graph.resolveTask(lost(label, `image/${label}`));
    const image = { reason: 'image-build-failed', detail: 'ä'.repeat(2_000) };
    const images = labels.map((label) => ({ name: label.slice(-63), ...image }));

    const details = pushDetails({
      doing,
      graph,
      images: { standing: { toCome: labels.map((label) => label.slice(-63)), failed: images } },
    });

    expect(Buffer.byteLength(details)).toBeLessThan(4_096);
    expect(details).toMatch(/^\*\*Running\*\*: 8000 of 10000 tasks have ended\n\n/);
    expect(details).toContain(
      '\n\n1000 waiting, 1000 begun, 5000 completed, 2000 failed, 1000 exception\n\n',
    );
    expect(details).toMatch(/\n\nBegun: (`x+8\d{3}`, ){4}`x+8004` and 995 more\n\n/);
    expect(details).toMatch(/\n- image `x+0`: image-build-failed: `ä+…`\n/);
  });

  it('says why tasks and images did not come to be, and how many more', () => {
    const labels = Array.from({ length: 7 }, (_, i) => `t${i}`);
    const graph = new PushGraph(labels.map((label) => aTask(label)));
    for (const label of labels) graph.resolveTask(label === 't6' ? lost(label, 't0') : failed(label));
    const lint = { name: 'lint', reason: 'image-build-failed' };

    const details = pushDetails({ doing, graph, images: { standing: { toCome: ['unit'], failed: [lint] } } });

    expect(details.split('\n').filter((line) => line !== '')).toEqual([
      '**Running**: 7 of 7 tasks have ended',
      '6 failed, 1 exception',
      'Images to come: `unit`',
      'Did not succeed:',
      '- image `lint`: image-build-failed',
      ...labels.slice(0, 5).map((label) => `- \`${label}\`: out-of-memory`),
      '- `t6`: dependency-failed, because of `t0`',
      '- 1 more',
    ]);
  });

  it('counts a task that is to run again as one that waits', () => {
    const graph = new PushGraph([aTask('a'), aTask('b')]);
    graph.takeReady(1);
    graph.resolveTask(failed('a'));
    graph.reopen(new Map([['a', 1]]));

    expect(pushDetails({ doing, graph })).toBe('**Running**: 0 of 2 tasks have ended\n\n2 waiting');
  });

  it('says only the state of what an earlier run of the push has heard of', () => {
    const tasks = [aTask('a'), aTask('b')];
    const graph = new PushGraph(tasks);
    graph.resolveTask({ label: 'a', state: 'exception', reason: 'worker-lost' });

    expect(pushDetails({ doing, graph })).toMatch(/- `a`: worker-lost$/);
    expect(pushDetails({ doing, graph: new PushGraph(tasks, graph.state) })).toMatch(/- `a`: exception$/);
  });
});

describe('quoted', () => {
  it('keeps a text of others on one line, and what would be Markdown as it is', () => {
    expect(quoted('**no** `x`\n  # space\tleft')).toBe("`**no** 'x' # space left`");
  });
});
