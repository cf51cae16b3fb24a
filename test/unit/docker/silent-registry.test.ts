import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dockerAt } from '../../../docker/client.ts';
import { pullImage } from '../../../docker/images/pull-image.ts';
import type { PullFrom } from '../../../docker/images/pull-image.ts';
import { registryDigest } from '../../../docker/images/registry-digest.ts';
import { limitSilence } from '../../../docker/limit-silence.ts';
import { askRegistry } from '../../../steps/base-trouble.ts';

const REFERENCE = 'registry.example/app:1';
const { signal } = new AbortController();

describe('an engine that waits for a registry', () => {
  let server: Server;
  let engine: PullFrom;
  /** What is answered by path; a path that is not there is never answered. */
  let answers: Readonly<Record<string, (response: ServerResponse) => void>>;

  beforeEach(async () => {
    server = createServer((request, response) => answers[request.url!.replace(/\?.*/, '')]?.(response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const docker = dockerAt(address);
    limitSilence(docker, { answerMs: 1_000 });
    const info = { indexServerAddress: 'https://index.docker.io/v1/', imageStore: 'classic' } as const;
    engine = { docker, address, info, idleMs: 1_000 };
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('is not away: that is trouble of the registry, after enough of which a base is not to be had', async () => {
    answers = { '/_ping': (response) => void response.end('OK') };

    const ask = (made: number) =>
      askRegistry(
        () => registryDigest(engine, REFERENCE, signal),
        { signal, attempts: { made, enough: 12 } },
        5,
      );

    await expect(ask(4)).rejects.toMatchObject({ type: 'EngineRequestFailed', retryable: true });
    expect(await ask(5)).toEqual({
      unavailable: `Docker Engine: look up image ${REFERENCE} failed: the registry gives no answer within 1 s`,
    });
  });

  it('is away when it answers nothing else either', async () => {
    answers = {};

    await expect(registryDigest(engine, REFERENCE, signal)).rejects.toMatchObject({
      type: 'EngineUnavailable',
    });
  });

  it.each([
    ['from the beginning', undefined],
    ['in the middle', '{"status":"Pulling from app"}\n'],
  ])('is not waited for when a pull stands still %s', async (_when, begin) => {
    answers = {
      '/images/create': (response) => {
        if (begin !== undefined) response.writeHead(200).write(begin);
      },
    };

    await expect(pullImage(engine, REFERENCE, { signal })).rejects.toMatchObject({
      type: 'EngineRequestFailed',
      retryable: true,
      message: `Docker Engine: pull image ${REFERENCE} failed: no answer within 1 s`,
    });
  });

  it('is waited for as long as a pull goes on', async () => {
    answers = {
      '/images/create': (response) => {
        let said = 0;
        const say = (): void => {
          response.write('{"status":"Downloading"}\n');
          if ((said += 1) < 15) setTimeout(say, 100);
          else response.end();
        };
        say();
      },
      [`/images/${REFERENCE}/json`]: (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ Id: 'sha256:1', Os: 'linux', Architecture: 'amd64', RepoDigests: [] }));
      },
    };

    expect(await pullImage(engine, REFERENCE, { signal })).toMatchObject({ engineImageId: 'sha256:1' });
  });
});
