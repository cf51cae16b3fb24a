import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Code of the first OCI error, if the body is one. */
  readonly code: string | undefined;
}

export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A buffer goes with its length, a stream in chunks. */
  readonly body?: Buffer | Readable;
}

/** Speaks raw HTTP to an endpoint, with the credential of one transfer or with none. */
export function endpointClient(
  where: { readonly port: number } | { readonly socketPath: string },
  credential?: { readonly username: string; readonly password: string },
): (ask: Ask) => Promise<Answer> {
  return ({ method, path, headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const auth = credential ? { auth: `${credential.username}:${credential.password}` } : {};
      const length = Buffer.isBuffer(body) ? { 'Content-Length': String(body.length) } : {};
      const target = 'port' in where ? { host: '127.0.0.1', ...where } : where;
      const sent = request({
        ...target,
        ...auth,
        method,
        path,
        headers: { ...length, ...headers },
        agent: false,
      });
      sent.on('error', reject);
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const whole = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: whole,
            code: codeOf(whole),
          });
        });
      });
      if (Buffer.isBuffer(body) || body === undefined) sent.end(body);
      else body.pipe(sent);
    });
}

function codeOf(body: Buffer): string | undefined {
  try {
    return (JSON.parse(body.toString()) as { errors?: { code: string }[] }).errors?.[0]?.code;
  } catch {
    return undefined;
  }
}
