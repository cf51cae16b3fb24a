import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ForwardProxy extends AsyncDisposable {
  readonly url: string;
  /** Method and target of every request. */
  readonly asked: readonly string[];
}

/**
 * A proxy for a machine that has no names of the internet, on loopback. It leads from any host to `assets.invalid`, as a server of
 * releases does, and there answers what the server at a URL has at that path. It opens no tunnels.
 */
export async function startForwardProxy(server: string): Promise<ForwardProxy> {
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { hostname, pathname } = new URL(request.url!);
    const location = `${hostname === 'assets.invalid' ? server : 'http://assets.invalid'}${pathname}`;
    if (hostname !== 'assets.invalid') return void response.writeHead(302, { location }).end();
    void fetch(location).then(async (answer) => response.end(Buffer.from(await answer.arrayBuffer())));
  });
  proxy.on('connect', (request, socket) => {
    asked.push(`${request.method} ${request.url}`);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        proxy.close(() => resolve());
        proxy.closeAllConnections();
      }),
  };
}
