import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { WorkflowNotFoundError } from '@temporalio/client';
import { outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const LONG = { image: 'debian:bookworm', command: 'echo begun; sleep 600', checkout: false };
const SHORT = { ...LONG, command: 'true' };
const SLOW_IMAGES = {
  images: { slow: { context: 'docker' }, child: { context: 'child', parent: 'slow' } },
};
const DOCKERFILES = {
  'docker/Dockerfile': 'FROM debian:bookworm\nRUN sleep 600\n',
  'child/Dockerfile': 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\nRUN true\n',
};

/** A world with a push for each project: what its slipway.yml says is what differs. */
async function pushes(world: World, trees: readonly Readonly<Record<string, unknown>>[]): Promise<string[]> {
  const ids: string[] = [];
  for (const tree of trees) {
    const repository = await world.createRepository();
    const { files = {}, ...slipway } = tree;
    const revision = await repository.commit({
      ...(files as Record<string, unknown>),
      'slipway.yml': { version: 1, ...slipway },
    });
    ids.push(await world.start(repository, revision));
  }
  return ids;
}

function taskOf(pushId: string, label: string): string {
  return `${pushId.replace('push/', 'task/')}/${label}`;
}

async function hasBegun(world: World, taskId: string): Promise<boolean> {
  return (await world.log(taskId).catch(() => '')).includes('\nbegun\n');
}

/** When the first look of the schedule that was begun after a moment was over. */
async function endOfFirstLook(world: World, after: Date): Promise<Date> {
  const query = `WorkflowType = 'settle' AND StartTime > '${after.toISOString()}'`;
  for (;;) {
    const looks = [];
    for await (const look of world.temporal.workflow.list({ query })) looks.push(look);
    looks.sort((one, other) => one.startTime.getTime() - other.startTime.getTime());
    const ended = looks[0]?.closeTime;
    if (ended) return ended;
    await delay(500);
  }
}

describe('workflows ended by hand in Temporal', () => {
  it('a push, a task, an image, and a push that is deleted: all are recorded, who waits is told, containers are gone', async () => {
    await using world = await World.open();
    await world.startWorker();
    const { workflow } = world.temporal;
    const [pushA, pushB, pushC, pushD] = (await pushes(world, [
      // Its push is terminated while one task runs and an image is being built.
      {
        files: DOCKERFILES,
        ...SLOW_IMAGES,
        tasks: { runs: LONG, waits: { image: { 'in-tree': 'slow' }, command: 'true' } },
      },
      // One of its tasks is terminated.
      { tasks: { runs: LONG, after: { ...SHORT, dependencies: ['runs'] }, other: SHORT } },
      // The image that its image waits for is terminated.
      {
        files: { ...DOCKERFILES, 'docker/Dockerfile': 'FROM debian:bookworm\nRUN echo two; sleep 600\n' },
        ...SLOW_IMAGES,
        tasks: { waits: { image: { 'in-tree': 'child' }, command: 'true' }, other: SHORT },
      },
      // It is deleted with all that Temporal knew of it.
      { tasks: { runs: LONG } },
    ])) as [string, string, string, string];
    const imageOf = async (pushId: string): Promise<string> =>
      (await world.live.api.read(pushId)).images.find(({ name }) => name === 'slow')?.taskId ?? '';
    const isBuilding = async (taskId: string): Promise<boolean> =>
      (await world.log(taskId).catch(() => '')).includes('sleep 600');
    await until(async () => {
      const begun = await Promise.all([pushA, pushB, pushD].map((id) => hasBegun(world, taskOf(id, 'runs'))));
      return begun.every(Boolean);
    });
    const [imageA, imageC] = [await imageOf(pushA), await imageOf(pushC)];
    await until(async () => (await isBuilding(imageA)) && (await isBuilding(imageC)));

    await workflow.getHandle(pushA).terminate('not needed any more');
    await workflow.getHandle(taskOf(pushB, 'runs')).terminate('enough');
    await workflow.getHandle(imageC).terminate('enough');
    await world.temporal.workflowService.deleteWorkflowExecution({
      namespace: world.temporal.options.namespace,
      workflowExecution: { workflowId: pushD },
    });
    // The server deletes it some time after it has said so, and ends it before.
    const isGone = (error: unknown): boolean => error instanceof WorkflowNotFoundError;
    await until(() =>
      workflow
        .getHandle(pushD)
        .describe()
        .then(() => false, isGone),
    );
    const endedAt = new Date();

    const documents = await Promise.all([pushA, pushB, pushC, pushD].map((id) => world.verdict(id)));
    const [a, b, c, d] = documents as [
      (typeof documents)[0],
      (typeof documents)[0],
      (typeof documents)[0],
      (typeof documents)[0],
    ];

    expect(a).toMatchObject({ state: 'exception', reason: 'canceled' });
    expect(a.detail).toContain('terminated in Temporal');
    expect(a.detail).toContain('not needed any more');
    expect(statesOf(a)).toEqual({ runs: 'exception/canceled', waits: 'exception/canceled' });
    expect(outcomesOf(a)).toEqual({ slow: 'canceled' });
    expect(b).toMatchObject({ state: 'failed', reason: 'failed' });
    expect(statesOf(b)).toEqual({
      after: 'exception/dependency-failed',
      other: 'completed/completed',
      runs: 'exception/canceled',
    });
    expect(b.tasks.find(({ label }) => label === 'runs')?.runs).toMatchObject([
      { run: 0, state: 'exception', reason: 'canceled' },
    ]);
    expect(c).toMatchObject({ state: 'failed', reason: 'failed' });
    expect(statesOf(c)).toEqual({ other: 'completed/completed', waits: 'exception/dependency-failed' });
    expect(d).toMatchObject({ state: 'exception', reason: 'internal-error' });
    expect(d.detail).toContain('does not know');
    expect(statesOf(d)['runs']).toMatch(/^exception\//);
    const image = await world.live.api.task(imageC);
    expect(image).toMatchObject({ state: 'exception', reason: 'canceled' });
    expect(image.detail).toContain('enough');

    // From outside: nothing runs, nothing is open, and whoever follows a log comes to its end.
    await until(async () => (await world.containers()).length === 0);
    await until(async () => (await world.openWorkflows()).length === 0);
    expect(await world.objects('level-1/open-pushes/')).toEqual([]);
    // A look every half minute, and the first one after it sees all: that is what "within a minute" rests on.
    const firstLook = await endOfFirstLook(world, endedAt);
    expect([a, d].filter(({ resolved = '' }) => new Date(resolved) > firstLook)).toEqual([]);
    for (const taskId of [...[pushA, pushB, pushD].map((id) => taskOf(id, 'runs')), imageC])
      for await (const part of world.live.api.log(taskId, {
        follow: true,
        signal: AbortSignal.timeout(60_000),
      }))
        expect(part.length).toBeGreaterThan(0);
  });

  it('a push that was terminated before any worker had seen it has its record as soon as one comes', async () => {
    await using world = await World.open();
    const [pushId] = (await pushes(world, [{ tasks: { t: SHORT } }])) as [string];
    await world.temporal.workflow.getHandle(pushId).terminate('too early');

    await world.startWorker(1, ['control']);

    expect(await world.verdict(pushId)).toMatchObject({
      state: 'exception',
      reason: 'canceled',
      detail: expect.stringContaining('too early'),
    });
    expect(await world.objects('level-1/open-pushes/')).toEqual([]);
  });
});
