import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, jest } from '@jest/globals';
import type { WorkerProcess } from '../helpers/live-stack.ts';
import { statesOf, until } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(300_000);

const CLOCK = pathToFileURL(join(import.meta.dirname, '..', 'helpers', 'jumping-clock.mjs')).href;
const HOUR = 3_600;
const LINES = 40;
const COUNTS = `i=0; while [ $i -lt ${LINES} ]; do echo "line $i"; i=$((i+1)); sleep 1; done; echo made > /out`;

describe('a clock that jumps by an hour', () => {
  it('forward and back, also between a worker and the one that adopts: nothing times out, all is stored, the push completes', async () => {
    await using world = await World.open();
    const path = join(world.home, 'clock');
    const setClock = (offset: number): Promise<void> => writeFile(path, `${offset}`);
    const startWorker = (): Promise<WorkerProcess> =>
      world.startWorker(1, ['all'], {
        env: { NODE_OPTIONS: `--import ${CLOCK}`, SLIPWAY_TEST_CLOCK: path },
      });
    await setClock(0);
    const worker = await startWorker();
    const repository = await world.createRepository();
    const long = {
      image: 'debian:bookworm',
      command: COUNTS,
      checkout: false,
      maxRunTime: 600,
      artifacts: { 'public/out': { type: 'file', path: '/out' } },
    };
    const revision = await repository.commit({
      'docker/Dockerfile': 'FROM debian:bookworm\nRUN sleep 10 && echo made > /made\n',
      'slipway.yml': {
        version: 1,
        images: { made: { context: 'docker' } },
        tasks: {
          long,
          imaged: { image: { 'in-tree': 'made' }, command: 'cat /made', checkout: false },
          after: {
            ...long,
            command: 'cat /in',
            artifacts: {},
            dependencies: ['long', 'imaged'],
            inputs: { '/in': { task: 'long', artifact: 'public/out' } },
          },
        },
      },
    });
    const pushId = await world.start(repository, revision);
    const longId = `${pushId.replace('push/', 'task/')}/long`;
    const lines = async (): Promise<number> =>
      (await world.log(longId).catch(() => '')).split('\n').filter((line) => line.startsWith('line ')).length;

    await until(async () => (await lines()) > 3);
    await setClock(HOUR);
    await until(async () => (await lines()) > 8);
    await setClock(-HOUR);
    await until(async () => (await lines()) > 12);
    worker.kill('SIGKILL');
    await setClock(HOUR);
    await startWorker();
    // What began goes on; nothing new is claimed by such a clock.
    await until(async () => (await lines()) > 20);
    await setClock(0);
    const document = await world.verdict(pushId);

    expect(statesOf(document)).toEqual({
      after: 'completed/completed',
      imaged: 'completed/completed',
      long: 'completed/completed',
    });
    expect(document.tasks.map(({ label, runs }) => [label, runs.length])).toEqual(
      expect.arrayContaining([
        ['long', 1],
        ['after', 1],
      ]),
    );
    expect(await lines()).toBe(LINES);
    const measured = document.tasks.flatMap(({ runs }) =>
      runs.flatMap(({ phases }) => Object.values(phases)),
    );
    expect(measured.filter((ms) => ms < 0 || ms > HOUR * 1000)).toEqual([]);
    expect((await world.artifact(longId, 'public/out')).toString()).toBe('made\n');
    expect(await world.openWorkflows()).toEqual([]);
  });
});
