import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import type { Engine } from '../../../docker/engine.ts';
import { BuilderEngines } from '../../../workers/builder-engines.ts';
import type { Parts } from '../../../workers/parts.ts';
import { openParts } from '../../../workers/parts.ts';

jest.setTimeout(60_000);

const FACTS = { ID: 'e', ServerVersion: '1', ApiVersion: '1', OSType: 'linux', Architecture: 'x86_64' };
/** The data of a sidecar whose container was pruned. */
const LEFT = {
  Name: 'slipway-unit-sidecar-demo-1-left',
  Labels: { 'slipway.domain': 'demo', 'slipway.seat': '0' },
  CreatedAt: '2020-01-01T00:00:00Z',
};

describe('the engine of a domain', () => {
  let server: Server;
  let directory: string;
  let parts: Parts;
  let engines: BuilderEngines;
  /** Answers an engine's requests. */
  let answer: (response: ServerResponse) => void;
  const tell = (response: ServerResponse, status: number, facts: object): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(facts));

  const open = (withSidecars: boolean): void => {
    const address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    parts = openParts(
      {
        version: 1,
        fleet: 'unit',
        temporal: { address: '127.0.0.1:1', namespace: 'unit' },
        store: { endpoint: 'http://127.0.0.1:1', region: 'r', bucket: 'b' },
        runnerEngine: address,
        ...(withSidecars ? { sidecarImage: 'slipway.invalid/sidecar' } : { builderEngine: address }),
        serverConfig: join(directory, 'slipway.config.yml'),
        stateDirectory: directory,
        runtimeDirectory: directory,
      },
      1,
      { logger: pino({ level: 'silent' }), secrets: { find: () => Promise.resolve(undefined) } },
    );
    engines = new BuilderEngines(parts);
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slipway-'));
    server = createServer((_, response) => answer(response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await engines.close();
    parts.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('goes on being opened for the others when the one who asked first is cancelled, who does not wait', async () => {
    open(true);
    const asked: ServerResponse[] = [];
    const begun = new Promise<void>((resolve) => {
      answer = (response) => {
        asked.push(response);
        resolve();
      };
    });
    const cancel = new AbortController();
    const never = (): Promise<never> => Promise.reject(new Error('there is no engine'));
    const first = engines.lend('demo', cancel.signal, never);
    const second = engines.lend('demo', new AbortController().signal, never);
    first.catch(() => undefined);
    second.catch(() => undefined);
    await begun;

    cancel.abort(new Error('cancelled'));
    await expect(first).rejects.toThrow('cancelled');
    for (const response of asked) tell(response, 500, { message: 'trouble of its own' });

    await expect(second).rejects.toThrow('trouble of its own');
  });

  it('is not made while what was left of it is removed', async () => {
    const tidy = jest.spyOn(globalThis, 'setInterval');
    open(true);
    const [look] = tidy.mock.lastCall as unknown as [() => void];
    tidy.mockRestore();
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + 16 * 60_000);
    const asked: string[] = [];
    let removed: ServerResponse | undefined;
    const begun = new Promise<void>((resolve) => {
      answer = (response) => {
        const { method, url = '' } = response.req;
        asked.push(`${method} ${url.replace(/\?.*/, '')}`);
        if (method === 'DELETE') {
          removed = response;
          resolve();
        } else if (url.startsWith('/volumes')) tell(response, 200, { Volumes: [LEFT] });
        else if (/^\/(networks|containers\/json)/.test(url)) tell(response, 200, []);
        else tell(response, 500, { message: 'trouble of its own' });
      };
    });
    look();
    await begun;
    expect(asked.pop()).toBe(`DELETE /volumes/${LEFT.Name}`);

    asked.length = 0;
    const lent = engines.lend('demo', new AbortController().signal, () => Promise.reject(new Error('none')));
    lent.catch(() => undefined);
    await delay(200);
    expect(asked).toEqual([]);
    removed?.writeHead(204).end();

    await expect(lent).rejects.toThrow('trouble of its own');
    expect(asked).toEqual([
      expect.stringMatching(/^GET \/containers\/slipway-unit-sidecar-demo-1-\w+\/json$/),
    ]);
    jest.restoreAllMocks();
  });

  it('that somebody builds in is lent to the next as it is, also when it answers nothing for a while', async () => {
    open(false);
    answer = (response) => tell(response, 200, FACTS);
    const { signal } = new AbortController();
    const lent: Engine[] = [];
    const build = engines.lend('demo', signal, async (engine) => {
      lent.push(engine);
      answer = () => undefined;
      await engines.lend('demo', signal, (other) => Promise.resolve(lent.push(other)));
    });
    await build;

    expect(lent).toHaveLength(2);
    expect(lent[1]).toBe(lent[0]);
  });
});
