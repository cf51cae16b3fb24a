import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dockerAt } from '../../../docker/client.ts';
import { readEngineInfo } from '../../../docker/engine-info.ts';
import { DockerodeContainers } from '../../../docker/containers/dockerode-containers.ts';
import { limitSilence } from '../../../docker/limit-silence.ts';

describe('an engine that hangs', () => {
  let server: Server;
  let address: string;
  /** What comes before it hangs. */
  let begin = '';

  beforeEach(async () => {
    server = createServer((_, response) => {
      if (begin) response.writeHead(200, { 'content-type': 'application/json' }).write(begin);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each([
    ['before it answers', ''],
    ['in the middle of an answer', '{"ID":'],
  ])('%s is unavailable to whoever asks or kills', async (_, said) => {
    begin = said;
    const docker = dockerAt(address);
    limitSilence(docker, { answerMs: 100 });
    const containers = new DockerodeContainers({ docker, address, fleet: 'f' });
    const away = { type: 'EngineUnavailable', message: expect.stringContaining('no answer within 0.1 s') };

    await expect(readEngineInfo(docker, address)).rejects.toMatchObject(away);
    await expect(containers.inspect('a')).rejects.toMatchObject(away);
    await expect(containers.kill('a')).rejects.toMatchObject(away);
  });

  it('has longer to remove something', async () => {
    const docker = dockerAt(address);
    limitSilence(docker, { answerMs: 50, workMs: 200 });
    const containers = new DockerodeContainers({ docker, address, fleet: 'f' });

    await expect(containers.remove('a')).rejects.toThrow('no answer within 0.2 s');
  });
});
