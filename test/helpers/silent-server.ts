import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';

export interface SilentServer extends AsyncDisposable {
  readonly url: string;
  /** Resolves when something is asked of it for the first time. */
  readonly asked: Promise<unknown>;
}

/** Takes connections and what is sent, as a server that was stopped does, and never answers. */
export async function startSilentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => server.emit('asked'));
  });
  server.listen(0, '127.0.0.1');
  const asked = once(server, 'asked');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
