import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LaxS3Server extends AsyncDisposable {
  readonly endpoint: string;
}

/**
 * An S3 server as some are: it overwrites whatever the conditions say, and believes every checksum. `clock` is what it writes on
 * its answers.
 */
export async function startLaxS3Server(clock: () => Date = () => new Date()): Promise<LaxS3Server> {
  const objects = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    response.setHeader('date', clock().toUTCString());
    void answer(request, response, objects);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  objects: Map<string, Buffer>,
): Promise<void> {
  const key = request.url!.split('?')[0]!;
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  const etagOf = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`;
  const found = objects.get(key);
  switch (request.method) {
    case 'PUT': {
      const body = Buffer.concat(parts);
      objects.set(key, body);
      return void response.writeHead(200, { etag: etagOf(body) }).end();
    }
    case 'GET':
    case 'HEAD':
      if (!found) return void response.writeHead(404).end();
      response.writeHead(200, { etag: etagOf(found), 'content-length': found.length });
      return void response.end(request.method === 'GET' ? found : undefined);
    default:
      // The deletion of several objects; what is asked for is all that there is.
      objects.clear();
      return void response
        .writeHead(200, { 'content-type': 'application/xml' })
        .end('<DeleteResult></DeleteResult>');
  }
}
