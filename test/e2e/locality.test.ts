import { expect, it, jest } from '@jest/globals';
import { engineQueueName } from '../../model/pure/ids.ts';
import type { PushDocument, RunRecord } from '../../model/schema/records.ts';
import type { Claim } from '../helpers/claims-of.ts';
import { claimsOf } from '../helpers/claims-of.ts';
import { removeImages } from '../helpers/engine-images.ts';
import { statesOf, until } from '../helpers/live-stack.ts';
import { startSecondEngine } from '../helpers/second-engine.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

/** How much longer than it may a time-out of the server takes on a busy machine. */
const LATE = 3;
/** Enough of them that some are offered to either engine. */
const CHAIN = 8;

const DOCKERFILE = 'FROM debian:bookworm\nRUN head -c 30000000 /dev/urandom > /heavy\n';

it('a run goes to the engine that has its image where that has a slot free, else at once to another one, and after a short while where that engine is gone', async () => {
  await using other = await startSecondEngine();
  await using world = await World.open();
  await world.startWorker(1, ['control', 'builder']);
  const holder = await world.startWorker(1, ['runner'], { arguments: ['--capacity', '1'] });
  const repository = await world.createRepository();
  const task = { image: { 'in-tree': 'heavy' }, checkout: false, command: 'true' };
  const commit = (tasks: Readonly<Record<string, unknown>>): Promise<string> =>
    repository.commit({
      'slipway.yml': { version: 1, images: { heavy: { context: 'docker' } }, tasks },
      'docker/Dockerfile': DOCKERFILE,
    });
  const runsOf = async ({ tasks }: PushDocument): Promise<readonly RunRecord[]> => {
    const records = await Promise.all(tasks.map(({ taskId }) => world.live.api.task(taskId)));
    return records.map(({ runs }) => runs[0]!);
  };
  /** Each task's way: asked of whoever is free, then, where that one knows better, of the engine that has the image, and so on. */
  const claims = ({ tasks }: PushDocument): Promise<readonly (readonly Claim[])[]> =>
    Promise.all(tasks.map(({ taskId }) => claimsOf(world, taskId)));
  const built = await world.push(repository, await commit({ t: task }));
  const [first] = await runsOf(built);
  const here = first?.engineId;
  // The same image, as another push names it.
  const byId = { type: 'task-image', taskId: built.images[0]?.taskId, path: 'public/image.tar' };
  await world.startWorker(1, ['runner'], {
    connections: { runnerEngine: `unix://${other.socketPath}` },
    arguments: ['--capacity', '4'],
  });

  // One after the other: each finds the slot free, and most are offered to the other engine first.
  const chain = Object.fromEntries(
    Array.from({ length: CHAIN }, (_, i) => [
      `c${i}`,
      {
        ...task,
        ...(i % 2 === 0 ? {} : { image: byId }),
        ...(i > 0 ? { dependencies: [`c${i - 1}`] } : {}),
      },
    ]),
  );
  const chained = await world.push(repository, await commit(chain));
  expect(new Set((await runsOf(chained)).map(({ engineId }) => engineId))).toEqual(new Set([here]));
  expect((await runsOf(chained)).map(({ bytesLoaded }) => bytesLoaded)).toEqual(Array(CHAIN).fill(0));
  const queue = engineQueueName(1, here ?? '');
  const sentOn = (await claims(chained)).filter((ways) => ways.length > 1);
  expect(sentOn.length).toBeGreaterThan(0);
  for (const ways of sentOn)
    expect(ways.map((one) => [one.queue, one.isTaken])).toEqual([
      ['runner-1', true],
      [queue, true],
    ]);

  const long = await world.start(repository, await commit({ long: { ...task, command: 'sleep 600' } }));
  const standing = (): Promise<PushDocument | undefined> => world.live.api.read(long).catch(() => undefined);
  await until(async () => (await standing())?.tasks[0]?.state === 'running');
  // What polls when the slot is taken takes one run more.
  const quick = { ...task, command: 'sleep 3' };
  const full = await world.push(repository, await commit({ q0: quick, q1: quick, q2: quick }));

  expect(statesOf(full)).toEqual({
    q0: 'completed/completed',
    q1: 'completed/completed',
    q2: 'completed/completed',
  });
  expect((await standing())?.tasks[0]?.state).toBe('running');
  expect((await runsOf(full)).filter(({ engineId }) => engineId !== here).length).toBeGreaterThanOrEqual(2);
  // An engine that is full says so: nobody waits for as long as one would for an answer.
  const refused = (await claims(full)).filter((ways) => ways.length > 1);
  expect(refused.length).toBeGreaterThanOrEqual(1);
  for (const ways of refused) {
    expect(ways.map((one) => [one.queue, one.isTaken])).toEqual([
      ['runner-1', true],
      [queue, false],
      ['runner-1', true],
    ]);
  }
  // One answer may be late on a machine that is busy; silence would be all of them.
  const answered = refused.filter(
    ([, { askedMs = 0, endedMs = 0, patienceMs = 0 } = {}]) => endedMs - askedMs < patienceMs,
  );
  expect(answered.length).toBeGreaterThanOrEqual(1);
  await world.live.api.cancel(long);
  await world.verdict(long);

  // One that is gone is asked once, and waited for no longer than the short while that is written with the question.
  await holder.stop();
  await removeImages(
    other.docker,
    (await other.docker.listImages()).map(({ Id }) => Id),
  );
  const alone = await world.push(repository, await commit({ alone: task }));
  expect(statesOf(alone)).toEqual({ alone: 'completed/completed' });
  const [carried] = await runsOf(alone);
  expect(carried?.engineId).not.toBe(here);
  expect(carried?.bytesLoaded).toBeGreaterThan(30_000_000);
  const [ways = []] = await claims(alone);
  expect(ways.map((one) => [one.queue, one.isTaken])).toEqual([
    ['runner-1', true],
    [queue, false],
    ['runner-1', true],
  ]);
  const { askedMs = 0, endedMs = 0, patienceMs = 0 } = ways[1] ?? {};
  expect(endedMs - askedMs).toBeLessThan(LATE * patienceMs);
  expect(patienceMs).toBeLessThanOrEqual(5_000);
});
