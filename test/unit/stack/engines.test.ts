import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { detailOf } from '../../../docker/engine-errors.ts';
import { endContext } from '../../../stack/end-context.ts';
import { EngineAccess } from '../../../stack/engine-access.ts';
import { explainNoEngine, findEngine, lookForEngine } from '../../../stack/find-engine.ts';
import { openContext } from '../../../stack/open-context.ts';
import { startEngine } from '../../../stack/start-engine.ts';
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

/** Something that refuses whatever it is asked, on loopback. */
async function refusing(status: number, words: string): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end(words));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
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

  it('says in its own words why a given one cannot be used, and that TLS is not spoken where that is wanted', async () => {
    // As an engine says it that speaks TLS alone.
    const address = await refusing(400, 'Client sent an HTTP request to an HTTPS server.\n');
    const why = `Docker Engine at ${address} (DOCKER_HOST) cannot be used: Client sent an HTTP request to an HTTPS server`;

    await expect(findEngine({ DOCKER_HOST: address })).rejects.toThrow(`${why}. Start it`);
    await expect(findEngine({ DOCKER_HOST: address, DOCKER_TLS_VERIFY: '1' })).rejects.toThrow(
      `${why}; DOCKER_TLS_VERIFY is set, and engines are spoken to without TLS. Start it`,
    );
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

describe('startEngine', () => {
  it.each(['19.03.15', '4.9.4'])('does not take an engine that doctor refuses: %s', async (version) => {
    const socket = join(home, 'docker.sock');
    await engineAt(socket, version);
    const address = `unix://${encodeURI(socket)}`;
    const context = await openContext({
      stateDirectory: join(home, 'state'),
      env: { DOCKER_HOST: address },
      signal: AbortSignal.timeout(60_000),
      onProgress: () => undefined,
    });

    try {
      await expect(startEngine(context)).rejects.toMatchObject({
        type: 'SetupFailed',
        message: `Docker Engine at ${address} (DOCKER_HOST) cannot be used: it is older than 20, and is ${version}. Install Docker Engine 20 or newer (Podman is none), or set SLIPWAY_DOCKER_HOST to another engine`,
      });
    } finally {
      await endContext(context, undefined);
    }
  });
});

describe('a pull that is refused', () => {
  it('is told of in the words of the engine', async () => {
    const engine = new EngineAccess(await refusing(404, '{"message":"manifest for x:1 not found"}'));
    const pulled = engine.pullImage('x:1', { idleMs: 10_000, signal: AbortSignal.timeout(10_000) });

    expect(detailOf(await pulled.catch((error: unknown) => error))).toBe('manifest for x:1 not found');
  });
});
