import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { explainNoEngine, findEngine, lookForEngine } from '../../../stack/find-engine.ts';
import { usualEngines } from '../../../stack/usual-engines.ts';

let home: string;
const servers: Server[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'slipway ëngines '));
});

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await rm(home, { recursive: true });
});

/** Something that says its version at a socket, as engines do. */
async function engineAt(path: string, version: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ Version: version })),
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

async function context(name: string, host: string): Promise<void> {
  const id = createHash('sha256').update(name).digest('hex');
  const directory = join(home, '.docker', 'contexts', 'meta', id);
  await mkdir(directory, { recursive: true });
  await writeFile(
    join(directory, 'meta.json'),
    JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } }),
  );
}

describe('findEngine', () => {
  it.each([
    ['rootless Docker of this user', 'run/docker.sock'],
    ['Docker Desktop', '.docker/run/docker.sock'],
    ['Docker Desktop', '.docker/desktop/docker.sock'],
  ])('finds %s at %s', async (source, path) => {
    await engineAt(join(home, path), '28.0.1');

    const env = { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') };

    // A machine with a host's engine uses that first.
    const usual = (await usualEngines(env)).find(({ address }) =>
      address.endsWith(`ngines%20${home.slice(-6)}/${path}`),
    );
    expect(usual?.source).toBe(source);
    expect(await findEngine({ DOCKER_HOST: usual!.address })).toMatchObject({ version: '28.0.1' });
  });

  it('takes the engine of docker’s current context first, and passes over one that needs ssh', async () => {
    await engineAt(join(home, 'colima.sock'), '27.1.0');
    await context('colima', `unix://${encodeURI(join(home, 'colima.sock'))}`);
    await context('far', 'ssh://somebody@far.example');
    await writeFile(join(home, '.docker', 'config.json'), JSON.stringify({ currentContext: 'colima' }));

    expect(await findEngine({ HOME: home })).toMatchObject({
      version: '27.1.0',
      source: "docker's context colima",
    });
    const far = await usualEngines({ HOME: home, DOCKER_CONTEXT: 'far' });
    expect(far[0]).toEqual({ address: 'unix:///var/run/docker.sock', source: 'the host' });
    await writeFile(join(home, '.docker', 'config.json'), 'not JSON');
    expect((await usualEngines({ HOME: home }))[0]?.source).toBe('the host');
  });

  it('tells of sockets behind which nothing answers', async () => {
    await mkdir(join(home, 'run'));
    await writeFile(join(home, 'run', 'docker.sock'), 'no socket');

    const { found, refusing } = await lookForEngine({ HOME: home, XDG_RUNTIME_DIR: join(home, 'run') });

    // A machine with a host's engine uses that.
    if (!found)
      expect(refusing).toEqual([{ address: expect.stringContaining('run/docker.sock'), code: 'no-answer' }]);
  });

  it('refuses a given one that does not answer, since nobody wants another one silently', async () => {
    await expect(findEngine({ DOCKER_HOST: 'unix:///no/such.sock' })).rejects.toThrow(
      'Docker Engine at unix:///no/such.sock (DOCKER_HOST) cannot be used',
    );
  });
});

describe('explainNoEngine', () => {
  it.each([
    [[], 'none is there', 'Start Docker'],
    [[{ address: 'unix:///a', code: 'no-answer' }], 'the one at unix:///a does not answer', 'Start Docker'],
    [
      [
        { address: 'unix:///a', code: 'no-answer' },
        { address: 'unix:///b', code: 'no-permission' },
      ],
      'there is one at unix:///b, but this user may not use it',
      'sudo usermod -aG docker "$USER"',
    ],
  ] as const)('says why and what to do: %j', (refusing, why, todo) => {
    const explained = explainNoEngine(refusing);

    expect(explained.why).toBe(why);
    expect(explained.todo).toContain(todo);
  });
});
