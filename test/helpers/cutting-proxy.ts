import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that were cut so far. */
  cuts: number;
}

/** A proxy on 127.0.0.1 that cuts the first `times` connections which have moved `afterBytes` in one direction. */
export async function startCuttingProxy(
  target: number,
  options: { readonly afterBytes: number; readonly times: number; readonly direction: 'in' | 'out' },
): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.pipe(upstream);
    upstream.pipe(client);
    let moved = 0;
    (options.direction === 'in' ? client : upstream).on('data', (chunk: Buffer) => {
      moved += chunk.length;
      if (moved < options.afterBytes || proxy.cuts >= options.times || client.destroyed) return;
      proxy.cuts += 1;
      client.destroy();
      upstream.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: CuttingProxy = {
    port: (server.address() as AddressInfo).port,
    cuts: 0,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}
