import { expect, it, jest } from '@jest/globals';
import { until } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';
import { openHandles } from '../soak/open-handles.ts';
import { SoakPushes } from '../soak/pushes.ts';

jest.setTimeout(300_000);

const AT_ONCE = 3;
/** What the runtime itself opens and closes at times. What leaks, leaks with each of the second wave's dozen tasks. */
const SLACK = 4;

it('a worker has as many file handles open after six pushes of all kinds as after three', async () => {
  await using world = await World.open();
  const worker = await world.startWorker();
  const storePort = Number(new URL(world.connections.store.endpoint ?? '').port);
  /** Kept connections are as many as the busiest moment needed: those to the store, and those that an engine made to us. */
  const isKept = (kind: string): boolean => kind === `tcp to ${storePort}` || kind === 'tcp from outside';
  const look = async (): Promise<Record<string, number>> =>
    Object.fromEntries([...(await openHandles(worker.pid))].filter(([kind]) => !isKept(kind)).sort());
  const sum = (handles: Record<string, number>): number =>
    Object.values(handles).reduce((total, count) => total + count, 0);
  const pushes = new SoakPushes(world, await world.createRepository());
  const severalAtOnce = async (): Promise<void> => {
    const started: Promise<void>[] = [];
    for (let i = 0; i < AT_ONCE; i += 1) started.push((await pushes.start()).ended);
    await Promise.all(started);
  };
  await severalAtOnce();
  const before = await look();

  await severalAtOnce();

  let after: Record<string, number> = {};
  const isFlat = await until(async () => sum((after = await look())) <= sum(before) + SLACK, 60_000).then(
    () => true,
    () => false,
  );
  expect({ isFlat, handles: isFlat ? before : after }).toEqual({ isFlat: true, handles: before });
});
