import { createServer, request as startRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { ClientSessions } from './client-sessions.ts';
import { headOf, HOP_BY_HOP, pairs, withoutHops } from './http-head.ts';
import { judgeRequest, mayUpgrade, refusal, sessionOf } from './judge-request.ts';
import type { JudgedBody, Refusal } from './judge-request.ts';

/** What a client writes of a container is a few kilobytes. */
const BODY_MAX_BYTES = 4 * 1024 * 1024;
/** As Go's own server has it: build arguments stand in the URL, credentials of registries in a header. */
const HEAD_MAX_BYTES = 1024 * 1024;
/** Names the session that a client opens; its build names it too. */
const SESSION_HEADER = 'x-docker-expose-session-uuid';

export interface FilterOptions {
  /** Socket of the engine behind the filter. */
  readonly engineSocket: string;
  /** Told of each request that was refused, on one line. */
  readonly onRefused: (what: string) => void;
}

/**
 * An HTTP server in front of an engine that refuses what would lead out of the container that the engine is in; everything else
 * passes as it comes, with backpressure. Each request is made anew on a connection of its own, so that nothing can ride along.
 */
export function createFilter(options: FilterOptions): Server {
  const sessions = new ClientSessions();
  const server = createServer(
    // A build, a log or `docker events` may take as long as it likes.
    { maxHeaderSize: HEAD_MAX_BYTES, requestTimeout: 0, keepAliveTimeout: 0 },
    (incoming, response) => {
      handle(incoming, response, { ...options, sessions }).catch((error: unknown) =>
        answer(response, { status: 502, message: `Slipway: ${(error as Error).message}` }),
      );
    },
  );
  server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    upgrade(incoming, { socket, head }, { ...options, sessions }).catch((error: unknown) =>
      answerRaw(socket, { status: 502, message: `Slipway: ${(error as Error).message}` }),
    );
  });
  return server;
}

interface Filtering extends FilterOptions {
  readonly sessions: ClientSessions;
}

async function handle(
  incoming: IncomingMessage,
  response: ServerResponse,
  options: Filtering,
): Promise<void> {
  // A body of which the rest is not read is no reason to break its connection: the answer comes by it.
  const bytes = incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  const judged = await judge(incoming, bytes, options);
  if ('status' in judged) {
    const session = sessionOf(incoming.url ?? '');
    if (session !== undefined) await options.sessions.untilServed(session);
    answer(response, judged);
    // A client that is still sending must be able to hear it: what it sends is nobody's.
    incoming.resume();
    return;
  }
  const outgoing = open(incoming, judged.body, options);
  response.once('close', () => outgoing.destroy());
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
  if (judged.body) outgoing.end(judged.body);
  else if (hasBody(incoming)) incoming.pipe(outgoing);
  else outgoing.end();
  const reply = await answered;
  // An engine that has answered before it has read all reads no more; its answer counts.
  outgoing.on('error', () => incoming.unpipe(outgoing).resume());
  response.writeHead(reply.statusCode ?? 502, reply.statusMessage, withoutHops(reply.rawHeaders));
  // What is followed (events, a log) may send its first line much later.
  response.flushHeaders();
  pipeline(reply, response, () => undefined);
}

/** A connection that becomes a stream. It does so only when the engine says so: until then it is a request like others. */
async function upgrade(
  incoming: IncomingMessage,
  { socket, head }: { readonly socket: Socket; readonly head: Buffer },
  options: Filtering,
): Promise<void> {
  const { url = '', headers } = incoming;
  if (!mayUpgrade(url)) {
    answerRaw(socket, { status: 400, message: `Slipway: nothing to upgrade at ${url.slice(0, 200)}` });
    return;
  }
  if (headers['transfer-encoding'] !== undefined) {
    answerRaw(socket, { status: 411, message: 'Slipway: a body before a stream needs its length' });
    return;
  }
  const length = Number(headers['content-length'] ?? 0);
  if (!Number.isSafeInteger(length) || length < 0 || length > BODY_MAX_BYTES) {
    answerRaw(socket, { status: 413, message: 'Slipway: such a body is too long' });
    return;
  }
  const { body, rest } = await readExactly(socket, head, length);
  const judged = await judge(incoming, [body], options);
  if ('status' in judged) {
    answerRaw(socket, judged);
    return;
  }
  const outgoing = open(incoming, judged.body ?? body, options, {
    connection: 'Upgrade',
    upgrade: headers.upgrade,
  });
  socket.once('close', () => outgoing.destroy());
  outgoing.once('error', (error) => answerRaw(socket, { status: 502, message: `Slipway: ${error.message}` }));
  outgoing.once('response', (reply) => {
    const fields = pairs(reply.rawHeaders).filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()));
    socket.write(headOf(reply, [...fields, ['Connection', 'close']]));
    const { socket: engine } = reply;
    pipeline(reply, socket, () => engine.destroy());
    // Whatever comes after it is nobody's.
    socket.resume();
  });
  outgoing.once('upgrade', (reply, engine: Socket, first: Buffer) => {
    socket.write(headOf(reply, pairs(reply.rawHeaders)));
    if (first.length > 0) socket.write(first);
    if (rest.length > 0) engine.write(rest);
    const session = headers[SESSION_HEADER];
    if (typeof session === 'string') options.sessions.open(session, socket);
    join(socket, engine);
  });
  outgoing.end(judged.body ?? body);
}

/** The two ends of a stream; each may end before the other, as an input does that has been read to its end. */
function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}

/** Gives what to send on; the body where it was read. */
async function judge(
  { method = '', url = '', headers }: IncomingMessage,
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  { engineSocket, onRefused }: FilterOptions,
): Promise<Refusal | { readonly body?: Buffer }> {
  const contentType = headers['content-type'];
  const verdict = judgeRequest({ method, url, contentType });
  const judged = verdict.kind === 'look' ? await look(verdict.judge, source) : verdict;
  if (judged.kind === 'pass') {
    for (const network of judged.networks) {
      if (!(await isHost(engineSocket, network))) continue;
      const refused = refusal(`network ${JSON.stringify(network)}, which is the host's`);
      onRefused(refused.message);
      return refused;
    }
    return judged;
  }
  onRefused(judged.message);
  return judged;
}

async function look(
  judgeBody: (body: Buffer) => JudgedBody,
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<JudgedBody> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > BODY_MAX_BYTES)
      return {
        kind: 'refuse',
        status: 413,
        message: `Slipway reads at most ${BODY_MAX_BYTES} bytes of this`,
      };
    chunks.push(chunk);
  }
  return judgeBody(Buffer.concat(chunks));
}

/** Whether a name or a part of an id stands for the network of the engine's own container. */
async function isHost(socketPath: string, network: string): Promise<boolean> {
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    const path = `/networks/${encodeURIComponent(network)}`;
    startRequest({ socketPath, path, agent: false }, resolve).once('error', reject).end();
  });
  const chunks: Buffer[] = [];
  for await (const chunk of reply as AsyncIterable<Buffer>) chunks.push(chunk);
  // One that is not there is for the engine to say.
  if (reply.statusCode !== 200) return false;
  const { Driver } = JSON.parse(Buffer.concat(chunks).toString()) as { readonly Driver?: string };
  return Driver === 'host';
}

function open(
  { method = 'GET', url = '/', rawHeaders }: IncomingMessage,
  body: Buffer | undefined,
  { engineSocket }: FilterOptions,
  more: OutgoingHttpHeaders = {},
): ClientRequest {
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of pairs(rawHeaders)) {
    const key = name.toLowerCase();
    if (HOP_BY_HOP.has(key) || (body && key === 'content-length')) continue;
    headers[key] = headers[key] === undefined ? value : [headers[key] as string | string[], value].flat();
  }
  return startRequest({
    method,
    path: url,
    headers: { ...headers, ...(body ? { 'content-length': body.length } : {}), ...more },
    maxHeaderSize: HEAD_MAX_BYTES,
    // Without an agent: a connection for this request alone, that stays half open where an input has ended.
    createConnection: () => connect({ path: engineSocket, allowHalfOpen: true }),
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

async function readExactly(
  socket: Socket,
  head: Buffer,
  length: number,
): Promise<{ readonly body: Buffer; readonly rest: Buffer }> {
  let bytes = head;
  while (bytes.length < length) {
    const chunk = await next(socket);
    if (!chunk) throw new Error('the body broke off');
    bytes = Buffer.concat([bytes, chunk]);
  }
  return { body: bytes.subarray(0, length), rest: bytes.subarray(length) };
}

async function next(socket: Readable): Promise<Buffer | undefined> {
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk) return chunk;
    if (socket.readableEnded || socket.destroyed) return undefined;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        for (const event of ['readable', 'end', 'close']) socket.off(event, done);
        resolve();
      };
      for (const event of ['readable', 'end', 'close']) socket.on(event, done);
    });
  }
}

function answer(response: ServerResponse, { status, message }: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ message })}\n`);
}

function answerRaw(socket: Socket, { status, message }: Refusal): void {
  const body = `${JSON.stringify({ message })}\n`;
  const head = `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nConnection: close\r\n`;
  socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  socket.resume();
}
