import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

/** What a server of releases does with the next requests; the last one stays. */
export type ReleaseBehaviour =
  | { readonly kind: 'good' }
  /** Cuts the connection after so many bytes of an answer's body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'silent' }
  /** Answers the whole file to requests for a part. */
  | { readonly kind: 'no-ranges' };

export interface ReleaseServer extends AsyncDisposable {
  readonly url: string;
  /** Path and Range header of every request. */
  readonly requests: { readonly path: string; readonly range: string | undefined }[];
}

const CUT_AFTER_MS = 200;

/** Serves one file at one path, on loopback, as a server of releases would, with the troubles of the internet. */
export async function startReleaseServer(
  path: string,
  file: Buffer,
  behaviours: readonly ReleaseBehaviour[] = [{ kind: 'good' }],
): Promise<ReleaseServer> {
  const requests: ReleaseServer['requests'] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const behaviour = behaviours[Math.min(requests.length, behaviours.length - 1)]!;
    requests.push({ path: request.url!, range: request.headers.range });
    if (behaviour.kind === 'silent') return;
    if (behaviour.kind === 'status') return void response.writeHead(behaviour.status).end();
    if (request.url !== path) return void response.writeHead(404).end();
    const from =
      behaviour.kind === 'no-ranges'
        ? 0
        : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from >= file.length) return void response.writeHead(416).end();
    const body = file.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': body.length,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` } : {}),
    });
    if (behaviour.kind !== 'cut') return void response.end(body);
    // A reader forgets what it has not read yet when it hears of the cut: that comes somewhat later.
    response.write(body.subarray(0, behaviour.afterBytes), () => {
      setTimeout(() => response.socket?.end(), CUT_AFTER_MS);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A tar.gz with these files. */
export async function archiveOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mode: 0o755 }, content);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar as AsyncIterable<Buffer>) parts.push(part);
  return gzipSync(Buffer.concat(parts));
}
