import { readdir } from 'node:fs/promises';
import { expect, it, jest } from '@jest/globals';
import { until } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';
import { SoakPushes } from '../soak/pushes.ts';

jest.setTimeout(300_000);

const WARM_UP = 3;
const MORE = 6;
/** Connections that are kept for the next request; what leaks leaks at each of the tasks. */
const SLACK = 4;

/** What a process has open: where each handle leads, sockets by their kind only. */
async function handles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

it('a worker has as many file handles open after nine pushes of all kinds as after three', async () => {
  await using world = await World.open();
  const worker = await world.startWorker();
  const pushes = new SoakPushes(world, await world.createRepository());
  for (let i = 0; i < WARM_UP; i += 1) await pushes.next();
  const before = await handles(worker.pid);

  for (let i = 0; i < MORE; i += 1) await pushes.next();

  await until(async () => (await handles(worker.pid)) <= before + SLACK, 60_000);
  expect(await world.containers()).toEqual([]);
});
