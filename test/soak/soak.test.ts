import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { requireEnv } from '../helpers/require-env.ts';
import { World } from '../helpers/world.ts';
import { judge, tableOf } from './judge.ts';
import type { Measured } from './measure.ts';
import { measure } from './measure.ts';
import { SoakPushes } from './pushes.ts';

const MINUTES = Number(process.env['SLIPWAY_SOAK_MINUTES'] ?? 10);
const MEASURE_EVERY_MS = 2_000;

jest.setTimeout(MINUTES * 60_000 + 600_000);

/** The services of the suite's stack, by name. */
async function services(): Promise<ReadonlyMap<string, number>> {
  const path = join(requireEnv('SLIPWAY_HOME', 'a running stack'), 'processes.json');
  const found = JSON.parse(await readFile(path, 'utf8')) as { name: string; pid: number }[];
  return new Map(found.map(({ name, pid }) => [name, pid]));
}

it(`memory and file handles of every process stay flat over ${MINUTES} minutes of pushes`, async () => {
  await using world = await World.open();
  const [control, builder, runner] = [
    await world.startWorker(1, ['control']),
    await world.startWorker(1, ['builder']),
    await world.startWorker(1, ['runner']),
  ];
  const pids = new Map([
    ...(await services()),
    ['control', control.pid],
    ['builder', builder.pid],
    ['runner', runner.pid],
  ]);
  const measured = new Map<string, Measured[]>([...pids.keys()].map((name) => [name, []]));
  const began = Date.now();
  const timer = setInterval(() => {
    for (const [name, pid] of pids)
      void measure(pid, Date.now() - began).then((one) => one && measured.get(name)?.push(one));
  }, MEASURE_EVERY_MS);
  const pushes = new SoakPushes(world, await world.createRepository());
  try {
    while (Date.now() - began < MINUTES * 60_000) await (await pushes.start()).ended;
  } finally {
    clearInterval(timer);
  }

  const verdicts = [...measured].map(([name, series]) => judge(name, series));
  process.stderr.write(`${pushes.count} pushes in ${MINUTES} minutes\n${tableOf(verdicts)}\n`);
  expect(verdicts.filter(({ isFlat }) => !isFlat)).toEqual([]);
});
