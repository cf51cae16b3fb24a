import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { filesWith } from '../helpers/files-with.ts';
import { startImageRegistry } from '../helpers/image-registry.ts';
import { docker, outcomesOf, statesOf } from '../helpers/live-stack.ts';
import { requireEnv } from '../helpers/require-env.ts';
import { tinyProgram } from '../helpers/tiny-program.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(600_000);

it('Workers bring bases and images of tasks from a registry that wants a login, also over its trouble, and the login is nowhere else', async () => {
  await using world = await World.open();
  const login = { username: 'me', password: randomBytes(18).toString('base64url') };
  await using registry = await startImageRegistry({}, { password: login });
  const [plain, base] = ['plain', 'base'].map((name) => `${registry.host}/${name}:1`);
  for (const name of ['plain', 'base'])
    await registry.put(name, '1', { 'bin/true': tinyProgram(`${name} ${randomUUID()}\n`) });
  const path = join(world.home, 'config.json');
  await writeFile(path, '{}');
  const broken = join(world.home, 'broken.json');
  await writeFile(broken, `{"auths": {"${registry.host}": "${login.password}"}}`);
  // Builds beside the tasks: that engine reaches a registry on loopback.
  const builderEngine = requireEnv('SLIPWAY_TEST_ENGINE', 'a Docker Engine');
  await world.startWorker(1, ['all'], {
    connections: { builderEngine },
    env: { SLIPWAY_DOCKER_CONFIG: path },
  });
  const refusing: Error = await world
    .startWorker(1, ['runner'], { env: { SLIPWAY_DOCKER_CONFIG: broken } })
    .then(() => Promise.reject(new Error('It was started')))
    .catch((error: Error) => error);
  const task = (image: unknown): object => ({ image, command: ['/bin/true'], checkout: false });
  await using repository = await world.createRepository();
  const slipway = {
    version: 1,
    images: { closed: { context: 'closed' } },
    tasks: { plain: task(plain), tree: task({ 'in-tree': 'closed' }) },
  };
  const files = { 'slipway.yml': slipway, 'closed/Dockerfile': `FROM ${base}\nLABEL id=${randomUUID()}\n` };

  const refused = await world.push(repository, await repository.commit(files));
  await writeFile(path, JSON.stringify({ auths: { [registry.host]: login } }));
  registry.refuse('base', { status: 503 }, 2);
  const given = await world.push(repository, await repository.commit({ 'README.md': 'again' }));
  await docker('image', 'rm', '--force', plain!, base!).catch(() => undefined);

  const [, logOfRefusing = ''] = /ended: see (.*)$/.exec(refusing.message) ?? [];
  expect(await readFile(logOfRefusing, 'utf8')).toContain(
    `${broken} (SLIPWAY_DOCKER_CONFIG) is no config.json of docker`,
  );
  expect(statesOf(refused)).toEqual({
    plain: 'exception/resource-unavailable',
    tree: 'exception/image-build-failed',
  });
  const advice = `${path} (SLIPWAY_DOCKER_CONFIG) has no credentials for registry "${registry.host}"`;
  expect(refused.tasks.map(({ detail }) => detail)).toEqual([
    expect.stringContaining(advice),
    expect.stringContaining(advice),
  ]);
  expect(statesOf(given)).toEqual({ plain: 'completed/completed', tree: 'completed/completed' });
  expect(outcomesOf(given)).toEqual({ closed: 'built' });
  const suite = requireEnv('SLIPWAY_HOME', 'a running stack');
  const places = [
    ...['logs', 'temporal', 'engine', join('store', world.connections.store.bucket)].map((name) =>
      join(suite, name),
    ),
    join(world.home, 'logs'),
  ];
  const spelt = [
    login.password,
    Buffer.from(login.password).toString('base64').slice(0, 20),
    Buffer.from(`${login.username}:${login.password}`).toString('base64').slice(0, 20),
  ];
  expect(await filesWith(spelt, places, join(world.home, 'values.txt'))).toEqual([]);
});
