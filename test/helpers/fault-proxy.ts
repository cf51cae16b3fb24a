import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Where a proxy listens or goes to: a port of 127.0.0.1 or a unix socket. */
export type Address = { readonly port: number } | { readonly path: string };

type Mode =
  | { readonly kind: 'pass' }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'answer'; readonly status: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number; readonly latencyMs: number };

/** A proxy on this machine in front of a server, whose behaviour changes while connections are open. */
export interface FaultProxy extends AsyncDisposable {
  readonly address: Address;
  /** As if nothing stood between. */
  pass(): void;
  /** Cuts what is open and refuses connections, as a server that has stopped does. */
  refuse(): Promise<void>;
  /** Accepts connections and bytes, and answers nothing. */
  hang(): void;
  /** Answers every request with this HTTP status. */
  answer(status: number): void;
  slow(how: { readonly bytesPerSecond: number; readonly latencyMs?: number }): void;
  /** Cuts every connection that is open now; gives how many there were. */
  cut(): number;
  /** Connections that are open now. */
  readonly open: () => number;
}

/** Starts in the mode `pass`. */
export async function startFaultProxy(target: Address, listen: Address = { port: 0 }): Promise<FaultProxy> {
  const clients = new Set<Socket>();
  let mode: Mode = { kind: 'pass' };
  const accept = (client: Socket): void => {
    clients.add(client);
    client.on('error', () => client.destroy()).on('close', () => clients.delete(client));
    if (mode.kind === 'answer') return answerAll(client, mode.status);
    const upstream = connect(target);
    // Its close is told when all that came before has been carried, however slowly.
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    void carry(client, upstream, () => mode);
    void carry(upstream, client, () => mode);
  };
  // Half-open connections stay: an HTTP client may end its side before it has the answer.
  let server: Server | undefined = createServer({ allowHalfOpen: true }, accept);
  const address = await startListening(server, listen);
  const cut = (): number => {
    const open = clients.size;
    for (const client of clients) client.destroy();
    return open;
  };
  const change = (to: Mode): void => {
    mode = to;
    if (server) return;
    server = createServer({ allowHalfOpen: true }, accept);
    void startListening(server, address);
  };
  const refuse = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    const closed = closing && once(closing, 'close');
    closing?.close();
    cut();
    await closed;
    if ('path' in address) await rm(address.path, { force: true });
  };
  return {
    address,
    pass: () => change({ kind: 'pass' }),
    refuse,
    hang: () => change({ kind: 'hang' }),
    answer: (status) => {
      change({ kind: 'answer', status });
      cut();
    },
    slow: ({ bytesPerSecond, latencyMs = 0 }) => change({ kind: 'slow', bytesPerSecond, latencyMs }),
    cut,
    open: () => clients.size,
    [Symbol.asyncDispose]: refuse,
  };
}

/** Below those that the system gives to connections: none of these takes the port while the proxy refuses. */
const PORTS = { first: 20_000, count: 12_000 };
const TRIES = 100;
const TRY_AGAIN_MS = 50;

async function startListening(server: Server, at: Address): Promise<Address> {
  for (let tries = 1; ; tries += 1) {
    const tried =
      'port' in at && at.port === 0 ? { port: PORTS.first + Math.floor(Math.random() * PORTS.count) } : at;
    try {
      if ('path' in tried) server.listen(tried.path);
      else server.listen(tried.port, '127.0.0.1');
      await once(server, 'listening');
      return tried;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries === TRIES) throw error;
      await delay(TRY_AGAIN_MS);
    }
  }
}

/** Carries bytes one way, looking at the mode before each piece. */
async function carry(from: Socket, to: Socket, mode: () => Mode): Promise<void> {
  const closed = new AbortController();
  to.once('close', () => closed.abort());
  try {
    for await (const piece of from as AsyncIterable<Buffer>) {
      // What hangs is not lost: it goes on when the mode changes.
      while (mode().kind === 'hang') await delay(50);
      const now = mode();
      if (now.kind === 'slow') await delay(now.latencyMs + (piece.length * 1000) / now.bytesPerSecond);
      if (!to.write(piece)) await once(to, 'drain', { signal: closed.signal });
    }
    to.end();
  } catch {
    to.destroy();
  }
}

function answerAll(client: Socket, status: number): void {
  const answer = `HTTP/1.1 ${status} Trouble\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
  client.once('data', () => client.end(answer));
}
