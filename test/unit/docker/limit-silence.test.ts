import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dockerAt } from '../../../docker/client.ts';
import { readEngineInfo } from '../../../docker/engine-info.ts';
import { DockerodeContainers } from '../../../docker/containers/dockerode-containers.ts';
import { limitSilence } from '../../../docker/limit-silence.ts';
import { BuildCache } from '../../../docker/room/build-cache.ts';
import { VolumeSizes } from '../../../docker/room/volume-sizes.ts';

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
    const containers = new DockerodeContainers({ docker, address, fleet: 'f', cpus: 1 });
    const away = { type: 'EngineUnavailable', message: expect.stringContaining('no answer within 0.1 s') };

    await expect(readEngineInfo(docker, address)).rejects.toMatchObject(away);
    await expect(containers.inspect('a')).rejects.toMatchObject(away);
    await expect(containers.kill('a')).rejects.toMatchObject(away);
  });

  it('has longer to remove something', async () => {
    const docker = dockerAt(address);
    limitSilence(docker, { answerMs: 50, workMs: 200 });
    const containers = new DockerodeContainers({ docker, address, fleet: 'f', cpus: 1 });

    await expect(containers.remove('a')).rejects.toThrow('no answer within 0.2 s');
  });

  it('has longest to tell what it takes, and to take away what builds have left', async () => {
    const docker = dockerAt(address);
    limitSilence(docker, { answerMs: 50, workMs: 50, walkMs: 200 });
    const troubles: unknown[] = [];
    const onTrouble = (error: unknown): unknown => troubles.push(error);

    await new VolumeSizes(docker, onTrouble).get();
    await new BuildCache(docker, onTrouble).bytes();
    await new BuildCache(docker, onTrouble).prune(1);

    const late: unknown = expect.objectContaining({ message: 'no answer within 0.2 s' });
    expect(troubles).toEqual([late, late, late]);
  });
});
