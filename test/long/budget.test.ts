import { readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { dockerAt } from '../../docker/client.ts';
import { EngineRoom } from '../../docker/room/engine-room.ts';
import { makeImage, noise } from '../helpers/engine-images.ts';
import { statesOf, until } from '../helpers/live-stack.ts';
import { startSecondEngine } from '../helpers/second-engine.ts';
import { mountSmallDisk } from '../helpers/small-disk.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const POOL = ['--default-address-pool', 'base=10.233.0.0/16,size=26'];
const NAMES = ['a', 'b', 'c', 'd'];
const MEGABYTE = 1_000_000;

describe('an engine with a small disk budget', () => {
  it('that two runners share: the images of two pushes pass through it, and no run is lost for that, also while all are pruned', async () => {
    await using engine = await startSecondEngine({ arguments: POOL });
    await using world = await World.open();
    const { docker } = engine;
    const address = `unix://${engine.socketPath}`;
    const foreign = await makeImage(docker, { layers: [{ bulk: noise(50 * MEGABYTE) }] });
    const repository = await world.createRepository();
    await world.startWorker(1, ['control', 'builder']);
    // A containerd store keeps layers packed beside the unpacked ones.
    const isClassic = (await docker.info()).Driver === 'overlay2';
    const budget = isClassic ? 330 * MEGABYTE : 560 * MEGABYTE;
    const runners = await Promise.all(
      [1, 2].map(() =>
        world.startWorker(1, ['runner'], {
          connections: { runnerEngine: address },
          arguments: ['--capacity', '2', '--disk-budget', `${budget}`],
        }),
      ),
    );
    const tasks = NAMES.flatMap((name) =>
      [1, 2].map((one) => [
        `${name}/${one}`,
        { image: { 'in-tree': name }, command: 'test -s /bulk && sleep 2', checkout: false, retries: 0 },
      ]),
    );
    const files = {
      'slipway.yml': {
        version: 1,
        images: Object.fromEntries(NAMES.map((name) => [name, { context: `docker/${name}` }])),
        tasks: Object.fromEntries(tasks) as object,
      },
      ...Object.fromEntries(
        NAMES.map((name) => [
          `docker/${name}/Dockerfile`,
          `FROM debian:bookworm\nRUN head -c ${60 * MEGABYTE} /dev/urandom > /bulk # ${name}\n`,
        ]),
      ),
    };
    const completed = Object.fromEntries(tasks.map(([label]) => [label, 'completed/completed']));

    const built = await world.push(repository, await repository.commit(files));
    expect(statesOf(built)).toEqual(completed);
    expect(await docker.getImage(foreign.tag).inspect()).toMatchObject({ Id: foreign.id });
    const pushId = await world.start(repository, await repository.commit({ 'README.md': 'again' }));
    await until(async () => (await docker.listContainers()).length > 0);
    await docker.pruneImages({ filters: { dangling: { false: true } } });
    expect(statesOf(await world.verdict(pushId))).toEqual(completed);

    // What was in use when the last image came goes afterwards.
    const room = new EngineRoom(dockerAt(address), { isPrivate: false });
    await until(async () => (await room.taken()).imageBytes <= budget);
    expect((await room.taken()).images).toBeGreaterThan(0);
    const logs = await Promise.all(runners.map(({ logPath }) => readFile(logPath, 'utf8')));
    const made = logs
      .join('')
      .split('\n')
      .filter((line) => line.includes('Room was made in an engine'));
    expect(made.length).toBeGreaterThan(0);
    for (const line of made)
      expect(line).toMatch(/"why":"over the budget","removed":\[\{"what":"image","id":"sha256:/);
    const runLogs = await Promise.all(built.tasks.map(({ taskId }) => world.log(taskId)));
    expect(runLogs.join('')).toMatch(/Made room in the engine: removed \d image/);
    const names = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
    expect(names.filter((name) => name.startsWith('slipway.invalid/held'))).toEqual([]);
  });
});

describe('an engine whose disk is full of what nobody uses', () => {
  it('costs no run: room is made, and its container is made once more', async () => {
    await using disk = await mountSmallDisk('420m');
    await using engine = await startSecondEngine({ arguments: POOL, dataRoot: disk.path });
    await using world = await World.open();
    const { docker } = engine;
    await world.startWorker(1, ['control']);
    await world.startWorker(1, ['runner'], {
      connections: { runnerEngine: `unix://${engine.socketPath}` },
      arguments: ['--disk-budget', '100%'],
    });
    const repository = await world.createRepository();
    const task = { image: 'debian:bookworm', checkout: false, command: 'echo enough', retries: 0 };
    const before = await repository.commit({ 'slipway.yml': { version: 1, tasks: { before: task } } });
    expect(statesOf(await world.push(repository, before))).toEqual({ before: 'completed/completed' });

    const old = await makeImage(docker, { layers: [{ bulk: noise(60 * MEGABYTE) }] });
    await docker.getImage(old.id).tag({ repo: 'slipway.invalid/image', tag: 'old' });
    await docker.getImage(old.tag).remove();
    const { bavail, bsize } = await statfs(disk.path);
    const ballast = join(disk.path, 'ballast');
    await writeFile(ballast, Buffer.alloc(bavail * bsize - 45 * MEGABYTE));
    const made = { 'public/made': { type: 'file', path: '/made' } };
    const makes = { ...task, command: `head -c ${30 * MEGABYTE} /dev/urandom > /made`, artifacts: made };
    const takes = {
      ...task,
      command: 'ls /in',
      dependencies: ['a', 'b'],
      inputs: Object.fromEntries(
        ['a', 'b'].map((name) => [`/in/${name}`, { task: name, artifact: 'public/made' }]),
      ),
    };
    const tasks = { a: makes, b: { ...makes, dependencies: ['a'] }, takes };
    const full = await world.push(
      repository,
      await repository.commit({ 'slipway.yml': { version: 1, tasks } }),
    );

    // Its image is there, but what it takes in finds no room.
    expect(statesOf(full)).toEqual({
      a: 'completed/completed',
      b: 'completed/completed',
      takes: 'completed/completed',
    });
    expect(await world.log(full.tasks.find(({ label }) => label === 'takes')!.taskId)).toMatch(
      /The disk of the engine is full\. Made room in the engine: removed 1 image that nobody uses, \d{8} bytes freed; once more/,
    );
    await rm(ballast);
    const names = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
    expect(names).not.toContain('slipway.invalid/image:old');
    expect(await docker.listContainers({ all: true })).toEqual([]);
  });
});
