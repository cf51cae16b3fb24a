import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request to a store or an engine as it went by. */
export interface StoreRequest {
  readonly method: string;
  /** Of a store: without the bucket. Of an engine: the path, without the version. */
  readonly key: string;
  readonly query: URLSearchParams;
  /** Length of its body, where the head tells it. */
  readonly bodyBytes: number;
  /** Whether it makes the object visible under its key: a put or a copy, or the completion of a multipart upload. */
  readonly writes: boolean;
}

const FORBIDDEN = '<Error><Code>AccessDenied</Code><Message>Not for you</Message></Error>';

/** When, seen from a request, something is done: nothing has arrived, it was carried out but nobody knows, or both know. */
export type Moment = 'before' | 'at' | 'after';

export interface RequestProxy extends AsyncDisposable {
  /** A URL, or `unix://` and a path. */
  readonly endpoint: string;
  /** Answered requests in their order, with the status. */
  readonly seen: readonly (StoreRequest & { readonly status: number })[];
  /** Calls `act` once, at that moment of the next request that matches; the connection is gone afterwards unless `after`. */
  strike(moment: Moment, matches: (request: StoreRequest) => boolean, act: () => void): void;
  /** Answers every request that matches as a store does whose rules forbid it; the server does not hear of it. */
  forbid(matches: (request: StoreRequest) => boolean): void;
}

/**
 * A proxy in front of an S3 server, or of an engine (`unix://…`), that knows where one request ends and the next begins. Listens on
 * loopback, or at a path.
 */
export async function startRequestProxy(target: string, listenPath?: string): Promise<RequestProxy> {
  const socketPath = /^unix:\/\/(.*)$/.exec(target)?.[1];
  const { hostname, port } = new URL(target);
  const where = socketPath === undefined ? { hostname, port } : { socketPath };
  const agent = new Agent({ keepAlive: true });
  const seen: (StoreRequest & { status: number })[] = [];
  let isForbidden: (request: StoreRequest) => boolean = () => false;
  let planned: { moment: Moment; matches: (request: StoreRequest) => boolean; act: () => void } | undefined;

  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const asked = socketPath === undefined ? readRequest(incoming) : readEngineRequest(incoming);
    if (isForbidden(asked)) {
      seen.push({ ...asked, status: 403 });
      incoming.resume().once('end', () => outgoing.writeHead(403, { connection: 'close' }).end(FORBIDDEN));
      return;
    }
    const struck = planned?.matches(asked) ? planned : undefined;
    if (struck) planned = undefined;
    const strike = (): void => {
      struck?.act();
      incoming.socket.destroy();
    };
    if (struck?.moment === 'before') return strike();
    const upstream = request(
      { ...where, agent, method: incoming.method, path: incoming.url, headers: headersOf(incoming) },
      (answer) => {
        seen.push({ ...asked, status: answer.statusCode ?? 0 });
        if (struck?.moment === 'at') {
          answer.resume();
          return strike();
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        // Whoever follows a log waits for the head of the answer before there is a line.
        outgoing.flushHeaders();
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
  if (listenPath === undefined) server.listen(0, '127.0.0.1');
  else server.listen(listenPath);
  await once(server, 'listening');
  return {
    endpoint:
      listenPath === undefined
        ? `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        : `unix://${listenPath}`,
    seen,
    strike: (moment, matches, act) => {
      planned = { moment, matches, act };
    },
    forbid: (matches) => {
      isForbidden = matches;
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
  return { method, key, query, writes, bodyBytes: Number(headers['content-length'] ?? 0) };
}

function readEngineRequest({ method = '', url = '', headers }: IncomingMessage): StoreRequest {
  const { pathname, searchParams: query } = new URL(url, 'http://engine.invalid');
  const key = decodeURIComponent(pathname).replace(/^\/(v[\d.]+\/)?/, '');
  return { method, key, query, writes: method !== 'GET', bodyBytes: Number(headers['content-length'] ?? 0) };
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
