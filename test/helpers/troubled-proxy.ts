import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** What happens to one connection. Bytes are counted from its beginning, heads included. */
export interface Trouble {
  /** Answers the first request with this status and closes. */
  readonly refuseWith?: number;
  /** Cuts both sides when so many bytes have come from the server. */
  readonly cutDownAfterBytes?: number;
  /** Cuts both sides when so many bytes have gone to the server. */
  readonly cutUpAfterBytes?: number;
  /** Cuts both sides when the server answers the request that this says yes to; it sees what the client sends. */
  readonly loseAnswerTo?: (sent: string) => boolean;
  /** Passes so many bytes from the server on, then nothing more, without closing. */
  readonly stallDownAfterBytes?: number;
}

export interface TroubledProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Connections so far. */
  readonly connections: () => number;
  /** Connections that are open now. */
  readonly open: () => number;
}

/** A TCP proxy on loopback in front of a server; `troubleOf` says what befalls the n-th connection, counted from 0. */
export async function startTroubledProxy(
  target: string,
  troubleOf: (connection: number) => Trouble,
): Promise<TroubledProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    const trouble = troubleOf(connections);
    connections += 1;
    const upstream = connect(Number(port), hostname);
    sockets.add(client);
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    client
      .on('error', cut)
      .on('close', () => sockets.delete(client))
      .on('close', cut);
    upstream.on('error', cut).on('close', () => client.end());
    if (trouble.refuseWith !== undefined) {
      const answer = `HTTP/1.1 ${trouble.refuseWith} Trouble\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
      client.once('data', () => client.end(answer));
      return;
    }
    let upBytes = 0;
    let losesAnswer = false;
    client.on('data', (chunk) => {
      upBytes += chunk.length;
      if (upBytes > (trouble.cutUpAfterBytes ?? Infinity)) return cut();
      losesAnswer ||= trouble.loseAnswerTo?.(chunk.toString('latin1')) ?? false;
      if (!upstream.write(chunk)) client.pause();
    });
    upstream.on('drain', () => client.resume());
    let downBytes = 0;
    upstream.on('data', (chunk) => {
      if (losesAnswer) return cut();
      const left = (trouble.cutDownAfterBytes ?? trouble.stallDownAfterBytes ?? Infinity) - downBytes;
      downBytes += chunk.length;
      if (left > 0 && !client.write(chunk.subarray(0, Math.min(left, chunk.length)))) upstream.pause();
      if (chunk.length > left && trouble.cutDownAfterBytes !== undefined) {
        upstream.destroy();
        client.end();
      }
    });
    client.on('drain', () => upstream.resume());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
