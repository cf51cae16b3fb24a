import { once } from 'node:events';
import type { Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { connect, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';

/** As an authorizer of Temporal answers. */
const REFUSAL = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-status': '7',
  'grpc-message': 'Request unauthorized.',
};

export interface LookOnlyTemporal extends AsyncDisposable {
  readonly address: string;
  /** Names of the methods that were refused. */
  readonly refused: readonly string[];
}

/** A Temporal server as those have it who may only look: a proxy that refuses whatever makes or changes something. */
export async function startLookOnlyTemporal(target: string): Promise<LookOnlyTemporal> {
  const upstream = connect(`http://${target}`);
  const sessions = new Set<Http2Session>([upstream]);
  const refused: string[] = [];
  const server = createServer();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const method = headers[':path']?.split('/').at(-1) ?? '';
    if (/^(Get|List|Describe|Check)/.test(method)) return carry(stream, upstream.request(headers));
    refused.push(method);
    stream.resume().respond(REFUSAL, { endStream: true });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

function carry(stream: ServerHttp2Stream, request: ReturnType<ReturnType<typeof connect>['request']>): void {
  let trailers: IncomingHttpHeaders = {};
  request.on('trailers', (last) => {
    trailers = last;
  });
  request.on('response', (answer) => {
    // Only a status: the call failed.
    if (answer['grpc-status'] !== undefined) {
      request.resume();
      return stream.respond(answer, { endStream: true });
    }
    stream.respond(answer, { waitForTrailers: true });
    request.pipe(stream);
  });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.on('error', () => request.close());
  request.on('error', () => stream.close());
  stream.pipe(request);
}
