import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { dockerAt } from '../../../docker/client.ts';
import { DockerodeContainers } from '../../../docker/containers/dockerode-containers.ts';

it('a wait whose answer ends before the container does is trouble with the engine, not an exit', async () => {
  const server = createServer(({ url = '' }, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const running = { Id: 'c', State: { Status: 'running' }, Config: {} };
    response.end(url.includes('/wait') ? '' : JSON.stringify(running));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const containers = new DockerodeContainers({ docker: dockerAt(address), address, fleet: 'f', cpus: 1 });

  await expect(containers.wait('c', AbortSignal.timeout(30_000))).rejects.toMatchObject({
    type: 'EngineUnavailable',
  });
  server.closeAllConnections();
  server.close();
});
