import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { buffer } from 'node:stream/consumers';
import { createFilter } from '../../../docker/dind/filter/filter-server.ts';

describe('the filter before a private engine', () => {
  let directory: string;
  let engine: Server;
  let filter: Server;
  let refused: string[];
  let seen: { readonly line: string; readonly body: string }[];
  let pulled = 0;
  const socketOf = (name: string): string => join(directory, name);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sw-'));
    [refused, seen] = [[], []];
    pulled = 0;
    engine = createServer((incoming, response) => {
      if (incoming.url === '/images/load') {
        // Reads a little, and no more.
        incoming.once('data', (chunk: Buffer) => {
          pulled += chunk.length;
          incoming.pause();
        });
        return;
      }
      void buffer(incoming).then((body) => {
        seen.push({ line: `${incoming.method} ${incoming.url}`, body: body.toString() });
        response.setHeader('Api-Version', '1.41');
        response.end('{"Id":"x"}');
      });
    });
    engine.on('upgrade', (incoming, socket: Socket, head: Buffer) => {
      const isThere = !incoming.url?.includes('gone');
      seen.push({ line: `upgrade ${incoming.url}`, body: head.toString() });
      if (!isThere) {
        socket.resume().end('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}');
        return;
      }
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
      socket.on('end', () => socket.end('bye'));
    });
    filter = createFilter({ engineSocket: socketOf('engine'), onRefused: (what) => refused.push(what) });
    await once(engine.listen(socketOf('engine')), 'listening');
    await once(filter.listen(socketOf('filter')), 'listening');
  });
  afterEach(async () => {
    for (const server of [engine, filter]) {
      server.closeAllConnections();
      server.close();
    }
    await rm(directory, { recursive: true });
  });

  /** Sends bytes as they are and gives all that comes back, until the other side ends. */
  async function talk(...parts: readonly string[]): Promise<string> {
    const socket = connect({ path: socketOf('filter'), allowHalfOpen: true });
    const said: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => said.push(chunk));
    // It may end while we still talk.
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    for (const part of parts) {
      socket.write(part);
      await delay(50);
    }
    // The first of an answer, or nothing more comes.
    if (said.length === 0) await Promise.race([once(socket, 'data'), closed]);
    socket.end();
    await closed;
    return Buffer.concat(said).toString();
  }

  const post = (path: string, body: string, more = ''): string =>
    `POST ${path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;

  it('hands on what is good, and answers what is not as an engine does', async () => {
    const good = await talk(post('/containers/create', '{"Image": "x"}', 'Connection: close\r\n'));
    expect(good).toMatch(/^HTTP\/1.1 200 [\s\S]*Api-Version: 1.41[\s\S]*\{"Id":"x"\}/);
    expect(seen).toEqual([{ line: 'POST /containers/create', body: '{"Image":"x"}' }]);
    const bad = await talk(post('/containers/create', '{"HostConfig": {"Privileged": true}}'));
    expect(bad).toMatch(/^HTTP\/1.1 403 [\s\S]*\{"message":"Slipway refuses this[^"]*: privileged"\}/);
    expect(refused).toEqual([expect.stringContaining('privileged')]);
    expect(seen).toHaveLength(1);
  });

  it('makes a stream of a connection only once the engine has', async () => {
    const start = post('/exec/x/start', '{"Tty":false}', 'Connection: Upgrade\r\nUpgrade: tcp\r\n');
    expect(await talk(start, 'hello')).toMatch(/^HTTP\/1.1 101 [\s\S]*\r\n\r\nHELLObye$/);
    // Early input, in one write with the request.
    expect(await talk(`${start}early`)).toMatch(/EARLYbye$/);
  });

  it('lets no second request ride behind one that became no stream', async () => {
    const hidden = post('/containers/create', '{"HostConfig": {"Privileged": true}}');
    const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
    const said = await talk(post('/exec/gone/start', '{}', upgrade) + hidden, hidden);
    expect(said).toMatch(/^HTTP\/1.1 404 /);
    expect(await talk(post('/containers/create', '{"HostConfig": {"Privileged": true}}', upgrade))).toMatch(
      /^HTTP\/1.1 400 /,
    );
    // One after the other on a connection that stays: each is judged.
    expect(await talk(post('/containers/x/stop', ''), hidden)).toMatch(
      /^HTTP\/1.1 200 [\s\S]*HTTP\/1.1 403 /,
    );
    expect(seen.map(({ line }) => line).filter((line) => line.includes('create'))).toEqual([]);
  });

  it('refuses a build once its client serves the session that it opens', async () => {
    const answers: string[] = [];
    const ask = post('/build?networkmode=host&session=s1', '', 'Connection: close\r\n');
    const build = talk(ask).then((said) => answers.push(said));
    await delay(200);
    expect(answers).toEqual([]);
    const session = connect({ path: socketOf('filter') });
    const upgrade = 'Connection: Upgrade\r\nUpgrade: h2c\r\nX-Docker-Expose-Session-Uuid: s1\r\n';
    session.write(`POST /session HTTP/1.1\r\nHost: docker\r\n${upgrade}Content-Length: 0\r\n\r\n`);
    await once(session, 'data');
    await delay(200);
    expect(answers).toEqual([]);
    session.write('settings');
    await build;
    expect(answers).toEqual([expect.stringMatching(/^HTTP\/1.1 403 [\s\S]*network/)]);
    session.end();
    await once(session, 'close');
    // One that never comes keeps nobody waiting for long.
    expect(await talk(post('/build?networkmode=host&session=s2', ''))).toMatch(/^HTTP\/1.1 403 /);
  }, 30_000);

  it('refuses two lengths, and a body that is too long to judge', async () => {
    const two =
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await talk(`${two}0\r\n\r\n{}`)).toMatch(/^HTTP\/1.1 400 /);
    const long = JSON.stringify({ Image: 'x'.repeat(5_000_000) });
    expect(await talk(post('/containers/create', long))).toMatch(/^HTTP\/1.1 413 /);
    expect(seen).toEqual([]);
  });

  it('refuses a body before a stream that has no length, or is too long to judge', async () => {
    const upgrade = 'POST /exec/x/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n';
    expect(await talk(`${upgrade}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 411 [\s\S]*\{"message":"Slipway: [^"]* its length"\}/,
    );
    expect(await talk(`${upgrade}Content-Length: 5000000\r\n\r\n{}`)).toMatch(/^HTTP\/1.1 413 /);
    expect(seen).toEqual([]);
    expect(await talk(`${upgrade}Content-Length: 2\r\n\r\n{}`, 'still')).toMatch(
      /^HTTP\/1.1 101 [\s\S]*STILL/,
    );
  });

  it('takes no more of a large body than the engine takes', async () => {
    const sending = request({ socketPath: socketOf('filter'), path: '/images/load', method: 'POST' });
    sending.on('error', () => undefined);
    let sent = 0;
    const chunk = Buffer.alloc(1_000_000);
    const fill = async (): Promise<void> => {
      for (let count = 0; count < 100; count += 1) {
        if (!sending.write(chunk)) await once(sending, 'drain');
        sent += chunk.length;
      }
    };
    await Promise.race([fill(), delay(1_000)]);
    expect(pulled).toBeGreaterThan(0);
    expect(sent).toBeLessThan(20_000_000);
    sending.destroy();
  });

  it('says so when the engine is gone', async () => {
    engine.closeAllConnections();
    engine.close();
    await rm(socketOf('engine'), { force: true });
    expect(await talk('GET /info HTTP/1.1\r\nHost: docker\r\n\r\n')).toMatch(/^HTTP\/1.1 502 [\s\S]*message/);
  });
});
