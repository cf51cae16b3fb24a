import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface ImageRegistry extends AsyncDisposable {
  readonly url: string;
  /** `127.0.0.1:PORT`, as references name it. */
  readonly host: string;
  /** Paths that were asked for. */
  readonly requests: string[];
  /** What was told it of whoever asked: the headers `Authorization`, each once. */
  readonly authorizations: Set<string>;
  /** Puts an image under a repository and tag, in place of the one that was there, with a layer of these files for each argument; gives the first layer's digest. */
  put(
    repository: string,
    tag: string,
    ...layers: readonly Readonly<Record<string, Buffer>>[]
  ): Promise<string>;
  /** Answers so to whoever asks for a manifest of a repository, so many times; afterwards as always. */
  refuse(repository: string, refusal: Refusal, times?: number): void;
  /** Answers nothing at all to whoever asks for a manifest of a repository. */
  silence(repository: string): void;
  /** Puts an image for each platform (`linux/arm64`), of one layer with these files; gives the digest of their index. */
  putIndex(
    repository: string,
    tag: string,
    platforms: Readonly<Record<string, Readonly<Record<string, Buffer>>>>,
  ): Promise<string>;
}

export interface Refusal {
  readonly status: number;
  /** The error code of the protocol; undefined: no answer of the protocol, as of a proxy. */
  readonly code?: string;
}

/** Whom a registry knows: by a password, or by an identity token, for which its own service gives out others. */
export interface KnownLogin {
  /** Whether its refusals repeat what they were told, as no registry should. */
  isTalkative?: boolean;
  password?: { readonly username: string; readonly password: string };
  identityToken?: string;
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json';

/**
 * A registry with one image, `library/debian:bookworm`, and those that are put into it, as far as an engine's pull goes. With `login` it
 * answers only whom it knows by what that says at the moment.
 */
export async function startImageRegistry(
  files: Readonly<Record<string, Buffer>>,
  login?: KnownLogin,
): Promise<ImageRegistry> {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, { readonly type: string; readonly bytes: Buffer }>();
  const serve = (repository: string, tags: readonly string[], type: string, bytes: Buffer): string => {
    const digest = digestOf(bytes);
    for (const name of [...tags, digest]) manifests.set(`${repository} ${name}`, { type, bytes });
    return digest;
  };
  const put = async (
    repository: string,
    tag: string,
    ...layers: readonly Readonly<Record<string, Buffer>>[]
  ): Promise<string> => {
    const image = await makeImage(layers);
    for (const blob of image.blobs) blobs.set(digestOf(blob), blob);
    serve(repository, [tag], MANIFEST, image.manifest);
    return digestOf(image.blobs[0]!);
  };
  const putIndex: ImageRegistry['putIndex'] = async (repository, tag, platforms) => {
    const list: object[] = [];
    for (const [platform, files] of Object.entries(platforms)) {
      const [os, architecture = ''] = platform.split('/');
      const image = await makeImage([files], architecture);
      for (const blob of image.blobs) blobs.set(digestOf(blob), blob);
      const digest = serve(repository, [], MANIFEST, image.manifest);
      const size = image.manifest.length;
      list.push({ mediaType: MANIFEST, digest, size, platform: { os, architecture } });
    }
    const index = { schemaVersion: 2, mediaType: INDEX, manifests: list };
    return serve(repository, [tag], INDEX, Buffer.from(JSON.stringify(index)));
  };
  await put('library/debian', 'bookworm', files);
  const refusals = new Map<string, { readonly refusal: Refusal; readonly times: number }>();
  const refusalOf = (repository = ''): Refusal | undefined => {
    const { refusal, times } = refusals.get(repository) ?? { times: 0 };
    if (refusal) refusals.set(repository, { refusal, times: times - 1 });
    return times > 0 ? refusal : undefined;
  };

  const silent = new Set<string | undefined>();
  const requests: string[] = [];
  const authorizations = new Set<string>();
  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!;
    requests.push(path);
    const { authorization } = request.headers;
    if (authorization !== undefined) authorizations.add(authorization);
    if (login && path === '/token') return void giveToken(login, request, response);
    if (login && !isKnown(login, authorization)) return demandLogin(login, request, response);
    if (path === '/v2/') return void response.writeHead(200).end('{}');
    const [, repository, kind, name] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
    if (kind === 'manifests' && silent.has(repository)) return;
    const refusal = kind === 'manifests' ? refusalOf(repository) : undefined;
    if (refusal) return void response.writeHead(refusal.status).end(textOf(refusal));
    const manifest = kind === 'manifests' ? manifests.get(`${repository} ${name}`) : undefined;
    const body = manifest?.bytes ?? (kind === 'blobs' ? blobs.get(name!) : undefined);
    if (!body) return void response.writeHead(404).end(textOf({ status: 404, code: 'MANIFEST_UNKNOWN' }));
    response.writeHead(200, {
      'content-type': manifest?.type ?? 'application/octet-stream',
      'content-length': body.length,
      'docker-content-digest': digestOf(body),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    requests,
    authorizations,
    put,
    putIndex,
    refuse: (repository, refusal, times = Infinity) => refusals.set(repository, { refusal, times }),
    silence: (repository) => void silent.add(repository),
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** What a token of the registry's own service is, as long as the registry knows the identity. */
const GRANTED = 'granted-to-whoever-it-knows';

function isKnown({ password, identityToken }: KnownLogin, authorization: string | undefined): boolean {
  if (identityToken !== undefined) return authorization === `Bearer ${GRANTED}`;
  const basic = Buffer.from(`${password?.username}:${password?.password}`).toString('base64');
  return authorization === `Basic ${basic}`;
}

function demandLogin(login: KnownLogin, { headers }: IncomingMessage, response: ServerResponse): void {
  const challenge =
    login.identityToken === undefined
      ? 'Basic realm="tests"'
      : `Bearer realm="http://${headers.host}/token",service="tests"`;
  const said = login.isTalkative ? `unauthorized is ${headers.authorization}` : undefined;
  const body = textOf({ status: 401, code: 'UNAUTHORIZED' }, said);
  response.writeHead(401, { 'www-authenticate': challenge }).end(body);
}

async function giveToken(
  { identityToken }: KnownLogin,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const asked = new URLSearchParams(await text(request));
  if (identityToken === undefined || asked.get('refresh_token') !== identityToken)
    return void response.writeHead(401).end(textOf({ status: 401, code: 'UNAUTHORIZED' }));
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ access_token: GRANTED, token: GRANTED, expires_in: 300 }));
}

function textOf(
  { code }: Refusal,
  message: string | undefined = code?.toLowerCase().replaceAll('_', ' '),
): string {
  return code === undefined ? '<html>no</html>' : JSON.stringify({ errors: [{ code, message }] });
}

async function makeImage(
  contents: readonly Readonly<Record<string, Buffer>>[],
  architecture = 'amd64',
): Promise<{ readonly manifest: Buffer; readonly blobs: readonly Buffer[] }> {
  const layerTars: Buffer[] = [];
  for (const files of contents) {
    const tar = pack();
    for (const [name, content] of Object.entries(files)) tar.entry({ name, mode: 0o755 }, content);
    tar.finalize();
    const parts: Buffer[] = [];
    for await (const part of tar as AsyncIterable<Buffer>) parts.push(part);
    layerTars.push(Buffer.concat(parts));
  }
  const layers = layerTars.map((layerTar) => gzipSync(layerTar));
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layerTars.map(digestOf) },
    }),
  );
  const describe = (blob: Buffer): object => ({ digest: digestOf(blob), size: blob.length });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: 'application/vnd.docker.container.image.v1+json', ...describe(config) },
      layers: layers.map((layer) => ({
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
        ...describe(layer),
      })),
    }),
  );
  return { manifest, blobs: [...layers, config] };
}

function digestOf(blob: Buffer): string {
  return `sha256:${createHash('sha256').update(blob).digest('hex')}`;
}
