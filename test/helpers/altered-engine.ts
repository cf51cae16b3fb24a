import { createServer, request as send } from 'node:http';
import { join } from 'node:path';

export interface AlteredEngine extends AsyncDisposable {
  readonly address: string;
}

export interface Alterations {
  /** Says no to a request, as an authorization plugin does; gives why. */
  readonly refuse?: (method: string, url: string, body: string) => string | undefined;
  /** The status of such an answer; default: 403. */
  readonly refusedWith?: number;
  /** Changes what it says about itself: the answers to `/info` and `/version`. */
  readonly change?: (url: string, answer: Record<string, unknown>) => Record<string, unknown>;
}

/** A real engine behind a socket in `directory` that answers some requests otherwise. */
export async function startAlteredEngine(
  socketPath: string,
  directory: string,
  { refuse = () => undefined, refusedWith = 403, change }: Alterations,
): Promise<AlteredEngine> {
  const path = join(directory, 'altered.sock');
  const server = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming;
      const body = Buffer.concat(parts);
      const message = refuse(method, url, body.toString());
      if (message !== undefined) {
        response.writeHead(refusedWith, { 'content-type': 'application/json' });
        return void response.end(JSON.stringify({ message }));
      }
      const outgoing = send({ socketPath, method, path: url, headers }, (answer) => {
        const isFact = /\/(info|version)$/.test(url);
        if (!change || !isFact) {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          return void answer.pipe(response);
        }
        const received: Buffer[] = [];
        answer.on('data', (part: Buffer) => received.push(part));
        answer.on('end', () => {
          const value = change(
            url,
            JSON.parse(Buffer.concat(received).toString()) as Record<string, unknown>,
          );
          response.writeHead(answer.statusCode ?? 500, { 'content-type': 'application/json' });
          response.end(JSON.stringify(value));
        });
      });
      outgoing.on('error', () => response.destroy());
      outgoing.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    address: `unix://${encodeURI(path)}`,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
