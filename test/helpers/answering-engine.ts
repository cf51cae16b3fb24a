import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AnsweringEngine extends AsyncDisposable {
  readonly address: string;
}

/** What an engine says about itself, of one with the containerd image store unless `store` says otherwise. Nothing else is answered. */
export async function startAnsweringEngine(said: {
  readonly version: string;
  readonly apiVersion: string;
  readonly store?: 'overlay2' | 'containerd';
}): Promise<AnsweringEngine> {
  const driver =
    said.store === 'overlay2'
      ? { Driver: 'overlay2', DriverStatus: [['Backing Filesystem', 'extfs']] }
      : { Driver: 'overlayfs', DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']] };
  const answers: Readonly<Record<string, object>> = {
    info: {
      ID: 'an-engine',
      ServerVersion: said.version,
      OSType: 'linux',
      Architecture: 'x86_64',
      DockerRootDir: '/var/lib/docker',
      SystemTime: new Date().toISOString(),
      MemTotal: 1,
      NCPU: 1,
      ...driver,
    },
    version: { Version: said.version, ApiVersion: said.apiVersion },
  };
  const server = createServer(({ url = '' }, response) => {
    const answer = answers[url.split('/').at(-1) ?? ''];
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { message: 'no such thing' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
