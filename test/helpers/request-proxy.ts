import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request to the store as it went by. */
export interface StoreRequest {
  readonly method: string;
  /** Without the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
  /** Whether it makes the object visible under its key: a put or a copy, or the completion of a multipart upload. */
  readonly writes: boolean;
}

/** When, seen from a request, something is done: nothing has arrived, it was carried out but nobody knows, or both know. */
export type Moment = 'before' | 'at' | 'after';

export interface RequestProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Answered requests in their order, with the status. */
  readonly seen: readonly (StoreRequest & { readonly status: number })[];
  /** Calls `act` once, at that moment of the next request that matches; the connection is gone afterwards unless `after`. */
  strike(moment: Moment, matches: (request: StoreRequest) => boolean, act: () => void): void;
}

/** A proxy on loopback in front of an S3 server that knows where one request ends and the next begins. */
export async function startRequestProxy(target: string): Promise<RequestProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const seen: (StoreRequest & { status: number })[] = [];
  let planned: { moment: Moment; matches: (request: StoreRequest) => boolean; act: () => void } | undefined;

  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const asked = readRequest(incoming);
    const struck = planned?.matches(asked) ? planned : undefined;
    if (struck) planned = undefined;
    const strike = (): void => {
      struck?.act();
      incoming.socket.destroy();
    };
    if (struck?.moment === 'before') return strike();
    const upstream = request(
      { hostname, port, agent, method: incoming.method, path: incoming.url, headers: headersOf(incoming) },
      (answer) => {
        seen.push({ ...asked, status: answer.statusCode ?? 0 });
        if (struck?.moment === 'at') {
          answer.resume();
          return strike();
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(outgoing);
        if (struck) outgoing.once('finish', () => struck.act());
      },
    );
    upstream.once('error', () => incoming.socket.destroy());
    incoming.pipe(upstream);
    outgoing.once('close', () => {
      if (!outgoing.writableFinished && struck?.moment !== 'at') upstream.destroy();
    });
  };
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    strike: (moment, matches, act) => {
      planned = { moment, matches, act };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await Promise.resolve();
    },
  };
}

function readRequest({ method = '', url = '', headers }: IncomingMessage): StoreRequest {
  const { pathname, searchParams } = new URL(url, 'http://store.invalid');
  const key = decodeURIComponent(pathname.split('/').slice(2).join('/'));
  const isPart = searchParams.has('partNumber');
  const completes = method === 'POST' && searchParams.has('uploadId');
  const writes = key !== '' && ((method === 'PUT' && !isPart) || completes);
  const query = new URLSearchParams(searchParams);
  if (headers['x-amz-copy-source'] !== undefined)
    query.set('copySource', String(headers['x-amz-copy-source']));
  return { method, key, query, writes };
}

/** All of them as they came, since they are signed; but this hop's own business is this hop's. */
function headersOf({ rawHeaders }: IncomingMessage): string[] {
  const kept: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (!['expect', 'connection'].includes(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
