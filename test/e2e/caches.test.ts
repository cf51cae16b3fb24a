import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { docker, statesOf } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

let world: World;
beforeAll(async () => {
  world = await World.open();
  await world.startWorker();
});
afterAll(() => world[Symbol.asyncDispose]());

/** Lines that the task itself printed. */
const outputOf = (log: string): string[] =>
  log.split('\n').filter((line) => line !== '' && !line.startsWith('[slipway'));

const DOCKERFILE = `# ${randomUUID()}
FROM debian:bookworm
RUN useradd -u 1234 -m worker && mkdir /cache && touch /cache/of-the-image
USER worker
`;

describe('a task with caches and volumes', () => {
  it('finds what runs before it left, in its own user’s name, until a purge; artifacts of volumes are kept whatever the end', async () => {
    const repository = await world.createRepository();
    const image = { 'in-tree': 'own' };
    // Named for this test: the engine keeps caches of one trust domain.
    const name = randomUUID();
    const cache = { [name]: '/cache' };
    const show = 'stat -c %u /cache; ls -A /cache';
    const volume = { 'public/out': { type: 'volume', path: '/out' } };
    const slipway = {
      version: 1,
      images: { own: { context: 'own' } },
      defaults: { image, checkout: false },
      tasks: {
        fill: { cache, command: `${show}; echo filled > /cache/file` },
        read: { cache, command: `${show}; cat /cache/file`, dependencies: ['fill'] },
        plain: { image: 'debian:bookworm', cache, command: 'ls -A /cache', dependencies: ['fill'] },
        purge: {
          cache,
          command: 'cat /cache/file; exit 3',
          onExitStatus: { purgeCaches: [3] },
          dependencies: ['read'],
        },
        after: { cache, command: show, dependencies: ['purge'], requires: 'all-resolved' },
        none: { command: 'true', onExitStatus: { purgeCaches: [0] } },
        failed: { command: 'ls -A /out; mkdir /out/d; echo kept > /out/d/file; exit 1', artifacts: volume },
        late: { command: 'echo late > /out/file; sleep 100', maxRunTime: 3, artifacts: volume },
      },
    };
    const revision = await repository.commit({ 'slipway.yml': slipway, 'own/Dockerfile': DOCKERFILE });

    const document = await world.push(repository, revision);

    expect(statesOf(document)).toEqual({
      fill: 'completed/completed',
      read: 'completed/completed',
      plain: 'completed/completed',
      purge: 'failed/failed',
      after: 'completed/completed',
      none: 'completed/completed',
      failed: 'failed/failed',
      late: 'failed/max-run-time-exceeded',
    });
    const taskId = (label: string): string => `${document.id.replace('push/', 'task/')}/${label}`;
    const outputs = Object.fromEntries(
      await Promise.all(
        ['fill', 'read', 'plain', 'purge', 'after', 'failed'].map(
          async (label) => [label, outputOf(await world.log(taskId(label)))] as const,
        ),
      ),
    );
    expect(outputs).toEqual({
      fill: ['1234'],
      read: ['1234', 'file', 'filled'],
      plain: [],
      purge: ['filled'],
      after: ['1234'],
      failed: [],
    });
    expect(await world.log(taskId('fill'))).toContain(`Cache ${name} at /cache: new and empty`);
    expect(await world.log(taskId('read'))).toMatch(
      new RegExp(`Cache ${name} at /cache: as it was left on 2`),
    );
    expect((await world.artifact(taskId('failed'), 'public/out/d/file')).toString()).toBe('kept\n');
    expect((await world.artifact(taskId('late'), 'public/out/file')).toString()).toBe('late\n');

    // The two of this name that were not purged, and of runs nothing.
    const { fleet } = world;
    const list = async (label: string): Promise<readonly string[]> => {
      const filters = ['--filter', `label=slipway.fleet=${fleet}`, '--filter', `label=${label}`];
      return (await docker('volume', 'ls', '--quiet', ...filters)).split('\n').filter((one) => one !== '');
    };
    expect(await list(`slipway.cache=${name}`)).toHaveLength(4);
    expect(await list('slipway.kind=task')).toEqual([]);
  });

  it('builds what has changed since a cache was filled, though it was committed before; what lies above a cache is its user’s', async () => {
    const repository = await world.createRepository();
    const compile =
      '[ -e .cache/out/main.o ] && [ -z "$(find main.c -newer .cache/out/main.o)" ] || { echo compiles; cp main.c .cache/out/main.o; }';
    const slipway = {
      version: 1,
      images: { own: { context: 'own' } },
      tasks: {
        make: {
          image: { 'in-tree': 'own' },
          cache: { [randomUUID()]: '/src/.cache/out' },
          command: `touch .cache/own; stat -c %u .cache; ${compile}; cat .cache/out/main.o`,
        },
      },
    };
    const files = { 'slipway.yml': slipway, 'own/Dockerfile': DOCKERFILE };
    const revisions = [
      await repository.commit({ ...files, 'main.c': 'one\n' }),
      await repository.commit({ 'main.c': 'two\n' }),
    ];

    const outputs: string[][] = [];
    for (const revision of revisions) {
      const { id } = await world.push(repository, revision);
      outputs.push(outputOf(await world.log(`${id.replace('push/', 'task/')}/make`)));
    }

    expect(outputs).toEqual([
      ['1234', 'compiles', 'one'],
      ['1234', 'compiles', 'two'],
    ]);
  });
});
