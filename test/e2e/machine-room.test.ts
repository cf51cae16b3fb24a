import { totalmem } from 'node:os';
import { expect, it, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import { statesOf, until } from '../helpers/live-stack.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const SLEEP_SECONDS = 6;
const third = `${Math.floor((0.3 * totalmem()) / 2 ** 20)}m`;
const most = `${Math.floor((0.6 * totalmem()) / 2 ** 20)}m`;

it('runs begin only where the machine has free what their tasks name; status says what it lacks, and no run is spent', async () => {
  await using world = await World.open({ base: false });
  await world.startWorker();
  const repository = await world.createRepository();
  const task = { image: 'debian:bookworm', checkout: false };
  const large = { ...task, command: `sleep ${SLEEP_SECONDS}`, resources: { memory: most } };
  const tasks = {
    'large/1': large,
    'large/2': large,
    small: { ...task, command: 'true' },
    'too-large': { ...task, command: 'true', resources: { disk: '900000g' } },
  };

  const id = await world.start(repository, await repository.commit({ 'slipway.yml': { version: 1, tasks } }));
  const standing = (): Promise<PushDocument | undefined> => world.live.api.read(id).catch(() => undefined);
  await until(async () => (await standing())?.tasks.some(({ state }) => state === 'running') ?? false);
  const taskId = (label: string): string => `${id.replace('push/', 'task/')}/${label}`;
  const ids = Object.keys(tasks).map(taskId);
  const lacking = new Map<string, string>();
  await until(async () => {
    for (const [held, why] of await world.live.api.heldUp(1, ids)) lacking.set(held, why);
    return lacking.size === 2;
  });
  const { stdout } = await runSlipway(['status', id], { cwd: world.home, env: { SLIPWAY_HOME: world.home } });
  await until(async () => statesOf((await standing())!)['large/2'] === 'completed/completed');
  await until(async () => statesOf((await standing())!)['large/1'] === 'completed/completed');
  await world.live.api.cancel(taskId('too-large'));
  const document = await world.verdict(id);

  expect(lacking.get(taskId('too-large'))).toMatch(/ has .* of disk free, and the task needs 9\d\d TB$/);
  expect([...lacking.values()].join('\n')).toMatch(/ has .*B of memory free, and the task needs .*B$/m);
  expect(stdout).toMatch(/^ {2}too-large waits: Machine .* \(Docker Engine at .*\) has .* of disk free/m);
  expect(statesOf(document)).toEqual({
    'large/1': 'completed/completed',
    'large/2': 'completed/completed',
    small: 'completed/completed',
    'too-large': 'exception/canceled',
  });
  expect(document.tasks.map(({ runs }) => runs.length)).toEqual([1, 1, 1, 1]);
  const records = ['large/1', 'large/2'].map((label) => world.live.api.task(taskId(label)));
  const began = (await Promise.all(records)).map(({ runs }) => Date.parse(runs[0]?.started ?? ''));
  expect(Math.abs(began[0]! - began[1]!)).toBeGreaterThanOrEqual(SLEEP_SECONDS * 1000);
});

it('a large task begins before most small ones that take each bit of room as it becomes free', async () => {
  await using world = await World.open({ base: false });
  await world.startWorker();
  const repository = await world.createRepository();
  const task = { image: 'debian:bookworm', checkout: false };
  const small = (place: number): object => ({
    ...task,
    command: `sleep ${12 + (place % 3)}`,
    resources: { memory: third },
  });
  const tasks = {
    gate: { ...task, command: 'sleep 2' },
    // It is refused at first: three small ones have begun by then.
    large: {
      ...task,
      dependencies: ['gate'],
      command: 'true',
      priority: 'medium',
      resources: { memory: most },
    },
    ...Object.fromEntries(Array.from({ length: 12 }, (_, place) => [`small/${place}`, small(place)])),
  };

  const id = await world.start(repository, await repository.commit({ 'slipway.yml': { version: 1, tasks } }));
  const document = await world.verdict(id);

  expect(document.state).toBe('completed');
  const began = await Promise.all(
    document.tasks.map(async ({ label, taskId }) => {
      const { runs } = await world.live.api.task(taskId);
      return { label, at: Date.parse(runs[0]?.started ?? '') };
    }),
  );
  const order = began.sort((a, b) => a.at - b.at).map(({ label }) => label);
  const before = order.slice(0, order.indexOf('large')).filter((label) => label.startsWith('small/'));
  expect(before.length).toBeGreaterThanOrEqual(3);
  expect(before.length).toBeLessThan(7);
});
