import { createServer } from 'node:net';

/**
 * A free port of 127.0.0.1 for each name: the one it had before when that is still free, else any. All are held at
 * once while they are chosen, so no two names get the same.
 */
export async function choosePorts<Name extends string>(
  names: readonly Name[],
  before: Readonly<Record<string, number>>,
): Promise<Record<Name, number>> {
  const held = [];
  try {
    const ports: [Name, number][] = [];
    for (const name of names) {
      const wanted = before[name];
      const server = (wanted === undefined ? undefined : await hold(wanted)) ?? (await hold(0));
      if (!server) throw new Error('No free port on 127.0.0.1');
      held.push(server);
      ports.push([name, server.port]);
    }
    return Object.fromEntries(ports) as Record<Name, number>;
  } finally {
    await Promise.all(held.map((server) => server.release()));
  }
}

interface HeldPort {
  readonly port: number;
  release(): Promise<void>;
}

function hold(port: number): Promise<HeldPort | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') return resolve(undefined);
      resolve({ port: address.port, release: () => new Promise((done) => server.close(() => done())) });
    });
  });
}
