import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, jest } from '@jest/globals';
import { statesOf, until } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const CLOCK = pathToFileURL(join(import.meta.dirname, '..', 'helpers', 'jumping-clock.mjs')).href;

it('a runner whose clock is minutes off the store’s takes no run and says so, until it is set right', async () => {
  await using world = await World.open({ base: false });
  const path = join(world.home, 'clock');
  // At once, so that nobody reads half of it.
  const setClock = async (seconds: number): Promise<void> => {
    await writeFile(`${path}.new`, `${seconds}`);
    await rename(`${path}.new`, path);
  };
  await setClock(600);
  await world.startWorker(1, ['control']);
  await world.startWorker(1, ['runner'], {
    env: { NODE_OPTIONS: `--import ${CLOCK}`, SLIPWAY_TEST_CLOCK: path },
  });
  const repository = await world.createRepository();
  const tasks = { t: { image: 'debian:bookworm', command: 'true', checkout: false } };

  const id = await world.start(repository, await repository.commit({ 'slipway.yml': { version: 1, tasks } }));
  const taskId = `${id.replace('push/', 'task/')}/t`;
  const held = async (): Promise<string | undefined> =>
    (await world.live.api.heldUp(1, [taskId]).catch(() => undefined))?.get(taskId);
  await until(async () => (await held()) !== undefined);
  const ahead = await held();
  await setClock(-600);
  await until(async () => (await held())?.includes('behind') ?? false);
  // Some minutes are nothing that anybody would notice.
  await setClock(120);
  const document = await world.verdict(id);

  expect(ahead).toMatch(
    /^The clock of machine .* is 10 min ahead of the store's, and it takes no run until they agree$/,
  );
  expect(statesOf(document)).toEqual({ t: 'completed/completed' });
  expect(document.tasks[0]?.runs).toHaveLength(1);
});
