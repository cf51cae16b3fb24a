import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface ImageRegistry extends AsyncDisposable {
  readonly url: string;
  /** `127.0.0.1:PORT`, as references name it. */
  readonly host: string;
  /** Paths that were asked for. */
  readonly requests: string[];
  /** Puts an image under a repository and tag, in place of the one that was there, with a layer of these files for each argument; gives the first layer's digest. */
  put(
    repository: string,
    tag: string,
    ...layers: readonly Readonly<Record<string, Buffer>>[]
  ): Promise<string>;
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';

/** A registry with one image, `library/debian:bookworm`, and those that are put into it, as far as an engine's pull goes. */
export async function startImageRegistry(files: Readonly<Record<string, Buffer>>): Promise<ImageRegistry> {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, Buffer>();
  const put = async (
    repository: string,
    tag: string,
    ...layers: readonly Readonly<Record<string, Buffer>>[]
  ): Promise<string> => {
    const image = await makeImage(layers);
    for (const blob of image.blobs) blobs.set(digestOf(blob), blob);
    for (const name of [tag, digestOf(image.manifest)])
      manifests.set(`${repository} ${name}`, image.manifest);
    return digestOf(image.blobs[0]!);
  };
  await put('library/debian', 'bookworm', files);

  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!;
    requests.push(path);
    if (path === '/v2/') return void response.writeHead(200).end('{}');
    const [, repository, kind, name] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
    const manifest = kind === 'manifests' ? manifests.get(`${repository} ${name}`) : undefined;
    const body = manifest ?? (kind === 'blobs' ? blobs.get(name!) : undefined);
    if (!body) return void response.writeHead(404).end('{"errors":[]}');
    response.writeHead(200, {
      'content-type': manifest ? MANIFEST : 'application/octet-stream',
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
    put,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function makeImage(
  contents: readonly Readonly<Record<string, Buffer>>[],
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
      architecture: 'amd64',
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
