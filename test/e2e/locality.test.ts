import { expect, it, jest } from '@jest/globals';
import type { PushDocument, RunRecord } from '../../model/schema/records.ts';
import { statesOf, until } from '../helpers/live-stack.ts';
import { startSecondEngine } from '../helpers/second-engine.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const DOCKERFILE = 'FROM debian:bookworm\nRUN head -c 30000000 /dev/urandom > /heavy\n';

it('a run goes to the engine that has its image where that has a slot free, else at once to another one', async () => {
  await using other = await startSecondEngine();
  await using world = await World.open();
  await world.startWorker(1, ['control', 'builder']);
  await world.startWorker(1, ['runner'], { arguments: ['--capacity', '1'] });
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
  const [first] = await runsOf(await world.push(repository, await commit({ t: task })));
  const here = first?.engineId;
  await world.startWorker(1, ['runner'], {
    connections: { runnerEngine: `unix://${other.socketPath}` },
    arguments: ['--capacity', '4'],
  });

  // One after the other: each finds the slot free, and most are offered to the other engine first.
  const chain = Object.fromEntries(
    Array.from({ length: 6 }, (_, i) => [
      `c${i}`,
      { ...task, ...(i > 0 ? { dependencies: [`c${i - 1}`] } : {}) },
    ]),
  );
  const chained = await world.push(repository, await commit(chain));
  expect(new Set((await runsOf(chained)).map(({ engineId }) => engineId))).toEqual(new Set([here]));
  expect((await runsOf(chained)).map(({ bytesLoaded }) => bytesLoaded)).toEqual(Array(6).fill(0));

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
  await world.live.api.cancel(long);
  await world.verdict(long);
});
