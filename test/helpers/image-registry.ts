import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface ImageRegistry extends AsyncDisposable {
  readonly url: string;
  /** Paths that were asked for. */
  readonly requests: string[];
}

/** A registry with one image of one layer, `library/debian:bookworm`, as far as an engine's pull goes. */
export async function startImageRegistry(files: Readonly<Record<string, Buffer>>): Promise<ImageRegistry> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mode: 0o755 }, content);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar as AsyncIterable<Buffer>) parts.push(part);
  const layerTar = Buffer.concat(parts);

  const blobs = new Map<string, Buffer>();
  const keep = (blob: Buffer): { readonly digest: string; readonly size: number } => {
    const digest = digestOf(blob);
    blobs.set(digest, blob);
    return { digest, size: blob.length };
  };
  const config = keep(
    Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: [digestOf(layerTar)] },
      }),
    ),
  );
  const layer = keep(gzipSync(layerTar));
  const type = 'application/vnd.docker.distribution.manifest.v2+json';
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: { mediaType: 'application/vnd.docker.container.image.v1+json', ...config },
      layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', ...layer }],
    }),
  );

  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!;
    requests.push(path);
    if (path === '/v2/') return void response.writeHead(200).end('{}');
    const [, kind, name] = /^\/v2\/library\/debian\/(manifests|blobs)\/(.+)$/.exec(path) ?? [];
    const isManifest = kind === 'manifests' && ['bookworm', digestOf(manifest)].includes(name!);
    const body = isManifest ? manifest : kind === 'blobs' ? blobs.get(name!) : undefined;
    if (!body) return void response.writeHead(404).end('{"errors":[]}');
    response.writeHead(200, {
      'content-type': isManifest ? type : 'application/octet-stream',
      'content-length': body.length,
      'docker-content-digest': digestOf(body),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function digestOf(blob: Buffer): string {
  return `sha256:${createHash('sha256').update(blob).digest('hex')}`;
}
