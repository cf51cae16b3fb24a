import { readdir } from 'node:fs/promises';
import { expect, it, jest } from '@jest/globals';
import { until } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';
import { SoakPushes } from '../soak/pushes.ts';

jest.setTimeout(300_000);

const AT_ONCE = 3;
/** Connections that are kept for the next request; what leaks leaks at each of the tasks. */
const SLACK = 4;

async function handles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

it('a worker has as many file handles open after six pushes of all kinds as after three', async () => {
  await using world = await World.open();
  const worker = await world.startWorker();
  const pushes = new SoakPushes(world, await world.createRepository());
  const severalAtOnce = async (): Promise<void> => {
    const started: Promise<void>[] = [];
    for (let i = 0; i < AT_ONCE; i += 1) started.push((await pushes.start()).ended);
    await Promise.all(started);
  };
  await severalAtOnce();
  const before = await handles(worker.pid);

  await severalAtOnce();

  await until(async () => (await handles(worker.pid)) <= before + SLACK, 60_000);
  expect(pushes.count).toBe(2 * AT_ONCE);
});
