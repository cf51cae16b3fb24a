import { once } from 'node:events';
import type { Http2Session } from 'node:http2';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';

export interface AnsweringGrpcServer extends AsyncDisposable {
  readonly address: string;
}

/** A gRPC server on loopback that answers every request with this status. */
export async function startAnsweringGrpcServer(
  status: number,
  message: string,
): Promise<AnsweringGrpcServer> {
  const headers = {
    ':status': 200,
    'content-type': 'application/grpc',
    'grpc-status': String(status),
    'grpc-message': encodeURIComponent(message),
  };
  const sessions = new Set<Http2Session>();
  const server = createServer((_request, response) => {
    response.stream.respond(headers, { endStream: true });
  });
  server.on('session', (session) => sessions.add(session));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
