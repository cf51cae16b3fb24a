import { describe, expect, it } from '@jest/globals';
import type { GraphTask } from '../../../model/pure/graph-pages.ts';
import type { GraphImage } from '../../../model/pure/payloads.ts';
import type { StoredImage } from '../../../model/schema/plan.ts';
import { PushGraph } from '../../../workflows/push-graph.ts';
import { PushImages } from '../../../workflows/push-images.ts';

const digest = `sha256:${'a'.repeat(64)}` as const;
const STORED: StoredImage = {
  manifestDigest: digest,
  configDigest: digest,
  diffIds: Array.from({ length: 127 }, () => digest),
  sizeBytes: 1,
};

const anImage = (name: string, options: Partial<GraphImage> = {}): GraphImage => ({
  name,
  taskId: `image/demo/1/${name}/${'b'.repeat(64)}`,
  action: 'build',
  force: false,
  ...options,
});
const aTask = (label: string, image: string): GraphTask => ({
  label,
  dependencies: [],
  requires: 'all-completed',
  image,
  firstRun: 0,
  retries: 5,
  deadlineSeconds: 1,
  maxRunTimeSeconds: 1,
  priority: 5,
});

const numbers = Array.from({ length: 200 }, (_, i) => i);
const planned = [
  ...numbers.map((i) => anImage(`reused-${i}`, { action: 'reuse', stored: STORED })),
  ...numbers.map((i) => anImage(`built-${i}`)),
  anImage('lost', { unavailable: `its base: ${'x'.repeat(1_500)}` }),
  anImage('child', { unavailable: 'its parent', culprit: 'lost' }),
];
const tasks = planned.map(({ name }) => aTask(`of-${name}`, name));

/** A push whose images have all ended, and what it carries on. */
function ended(): { readonly images: PushImages; readonly graph: PushGraph } {
  const graph = new PushGraph(tasks);
  const images = new PushImages(planned, graph);
  for (const { taskId, action, unavailable } of planned)
    if (action === 'build' && !unavailable)
      images.resolve({ taskId, reason: 'built', stored: STORED, bytesUploaded: 7 });
  return { images, graph };
}

describe('images of a push that goes on in a new run', () => {
  it('are carried without what the plan says of them, and without layers', () => {
    const { images } = ended();

    expect(images.carried.map(([name]) => name)).toEqual(numbers.map((i) => `built-${i}`));
    expect(JSON.stringify(images.carried).length).toBeLessThan(100_000);
  });

  it.each(['as they are', 'as runs of before carried them'])('are known there, %s', (how) => {
    const { images, graph } = ended();
    const carried = how === 'as they are' ? { ...graph.state, images: images.carried } : graph.state;

    const next = new PushGraph(tasks, JSON.parse(JSON.stringify(carried)) as typeof carried);
    const again = new PushImages(planned, next);

    expect([again.allResolved, again.allWell, again.hasNews]).toEqual([true, false, false]);
    expect(again.outcomes).toEqual(images.outcomes);
    expect(again.outcomes.slice(-3).map(({ outcome }) => outcome)).toEqual(['built', 'failed', 'failed']);
    const ready = next.takeReady(1_000).map(({ label }) => label);
    expect(ready).toEqual(graph.takeReady(1_000).map(({ label }) => label));
    expect(ready).toHaveLength(400);
    expect(next.takeNeverStarted()).toEqual(graph.takeNeverStarted());
  });
});
