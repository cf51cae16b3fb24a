import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../../docker/endpoint/closure.ts';
import { startImageEndpoint } from '../../../docker/endpoint/image-endpoint.ts';
import type { ImageEndpoint, Transfer } from '../../../docker/endpoint/image-endpoint.ts';
import { MEDIA_TYPES } from '../../../docker/endpoint/manifest.ts';
import { createStore } from '../../../store/create-store.ts';
import { blobKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { endpointClient } from '../../helpers/endpoint-client.ts';
import { anImage, put, putImage } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';

let directory: string;
let blobs: DirectoryBlobs;
let endpoint: ImageEndpoint;
let image: MadeImage;
let pull: Transfer;
let ask: ReturnType<typeof endpointClient>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-pull-'));
  blobs = await DirectoryBlobs.create(join(directory, 'blobs'));
  endpoint = await startImageEndpoint({ blobs, socketPath: join(directory, 'endpoint.sock') });
  image = await putImage(blobs, await anImage());
  pull = await endpoint.openPull(image.stored);
  ask = endpointClient(endpoint, pull);
});

afterEach(async () => {
  await endpoint.close();
  await rm(directory, { recursive: true });
});

const layerPath = (at = 0): string => `/v2/slipway/blobs/${digestOf(image.layers[at]!)}`;

describe('credentials', () => {
  it('challenges a request without one, on every path', async () => {
    const anonymous = endpointClient(endpoint);
    for (const path of ['/v2/', layerPath(), '/nowhere']) {
      const answer = await anonymous({ method: 'GET', path });
      expect([answer.status, answer.headers['www-authenticate'], answer.code]).toEqual([
        401,
        'Basic realm="slipway"',
        'UNAUTHORIZED',
      ]);
    }
  });

  it('greets an open transfer and refuses it once it is closed', async () => {
    expect((await ask({ method: 'GET', path: '/v2/' })).status).toBe(200);
    pull.close();
    expect((await ask({ method: 'GET', path: '/v2/' })).status).toBe(401);
  });

  it('refuses a wrong password of a right user', async () => {
    const guess = endpointClient(endpoint, { username: pull.username, password: 'x' });
    expect((await guess({ method: 'GET', path: layerPath() })).status).toBe(401);
  });

  it('refuses to take in with the credential of a pull', async () => {
    for (const ask403 of [
      { method: 'POST', path: '/v2/slipway/blobs/uploads/' },
      { method: 'PUT', path: '/v2/slipway/manifests/x', body: image.manifest },
      { method: 'PATCH', path: '/v2/slipway/blobs/uploads/1', body: Buffer.from('x') },
    ])
      expect([(await ask(ask403)).status, (await ask(ask403)).code]).toEqual([403, 'DENIED']);
  });

  it('serves one transfer nothing of another', async () => {
    const other = await putImage(blobs, await anImage());
    await endpoint.openPull(other.stored);
    for (const path of [
      `/v2/slipway/blobs/${digestOf(other.layers[0]!)}`,
      `/v2/slipway/blobs/${other.stored.configDigest}`,
      `/v2/slipway/manifests/${other.stored.manifestDigest}`,
    ]) {
      expect((await ask({ method: 'GET', path })).status).toBe(404);
      expect((await ask({ method: 'HEAD', path })).status).toBe(404);
    }
  });
});

describe('a transfer by name', () => {
  const anonymously = async (repository: string): Promise<number> => {
    const path = `/v2/${repository}/blobs/${digestOf(image.layers[0]!)}`;
    return (await endpointClient(endpoint)({ method: 'GET', path })).status;
  };

  it('serves whoever knows its name, until it is closed', async () => {
    const named = await endpoint.openPull(image.stored, { byName: true });
    // What engines take for the name of a repository.
    expect(named.repository).toMatch(/^[a-z0-9]+([._-][a-z0-9]+)*(\/[a-z0-9]+([._-][a-z0-9]+)*)*$/);
    expect(await anonymously(named.repository)).toBe(200);
    const path = `/v2/${named.repository}/manifests/${image.stored.manifestDigest}`;
    expect((await endpointClient(endpoint)({ method: 'HEAD', path })).status).toBe(200);
    named.close();
    expect(await anonymously(named.repository)).toBe(401);
  });

  it('serves nobody who knows less, nothing else, and takes nothing in', async () => {
    const named = await endpoint.openPull(image.stored, { byName: true });
    const guess = named.repository.replace(named.password, '0'.repeat(named.password.length));
    expect(await anonymously(guess)).toBe(401);
    expect(await anonymously('slipway')).toBe(401);
    const other = await putImage(blobs, await anImage());
    const path = `/v2/${named.repository}/blobs/${digestOf(other.layers[0]!)}`;
    expect((await endpointClient(endpoint)({ method: 'GET', path })).status).toBe(404);
    const upload = { method: 'POST', path: `/v2/${named.repository}/blobs/uploads/` };
    expect((await endpointClient(endpoint)(upload)).status).toBe(403);
  });

  it('is not what other transfers are', async () => {
    expect(await anonymously(`${pull.username}/${pull.password}/slipway`)).toBe(404);
    const named = await endpoint.openPull(image.stored, { byName: true });
    const asOthers = endpointClient(endpoint, named);
    expect((await asOthers({ method: 'GET', path: layerPath() })).status).toBe(404);
  });
});

describe('manifests', () => {
  it.each(['tag', 'digest'] as const)('serves the manifest by %s, byte for byte', async (by) => {
    const reference = by === 'tag' ? pull.tag : image.stored.manifestDigest;
    const path = `/v2/slipway/manifests/${reference}`;
    const head = await ask({ method: 'HEAD', path });
    const got = await ask({ method: 'GET', path, headers: { 'Accept-Encoding': 'zstd, gzip' } });
    for (const answer of [head, got])
      expect(answer).toMatchObject({
        status: 200,
        headers: {
          'content-type': MEDIA_TYPES.ociManifest,
          'content-length': String(image.manifest.length),
          'docker-content-digest': image.stored.manifestDigest,
        },
      });
    expect(head.body.length).toBe(0);
    expect(got.body.equals(image.manifest)).toBe(true);
    expect(got.headers['content-encoding']).toBeUndefined();
  });

  it('serves the children of an index and their blobs', async () => {
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociIndex,
        manifests: [
          {
            mediaType: MEDIA_TYPES.ociManifest,
            digest: image.stored.manifestDigest,
            size: image.manifest.length,
            platform: { os: 'linux', architecture: 'amd64' },
          },
        ],
      }),
    );
    const transfer = await endpoint.openPull({ manifestDigest: await put(blobs, index) });
    const askIndex = endpointClient(endpoint, transfer);
    const child = await askIndex({
      method: 'GET',
      path: `/v2/slipway/manifests/${image.stored.manifestDigest}`,
    });
    expect(child.body.equals(image.manifest)).toBe(true);
    expect((await askIndex({ method: 'GET', path: layerPath() })).body.equals(image.layers[0]!)).toBe(true);
  });

  it('does not open for a manifest that the store lacks', async () => {
    await expect(endpoint.openPull({ manifestDigest: digestOf(Buffer.from('?')) })).rejects.toMatchObject({
      type: 'BlobNotFound',
    });
  });

  it('does not open for a manifest whose bytes were changed in the store', async () => {
    const path = join(directory, 'blobs', image.stored.manifestDigest.slice(7));
    await writeFile(path, image.manifest.toString().replace('"size":', '"size": '));
    await expect(endpoint.openPull(image.stored)).rejects.toMatchObject({ type: 'DigestMismatch' });
  });

  it('does not open for a document that is manifest and index at once', async () => {
    const both = { ...(JSON.parse(image.manifest.toString()) as object), manifests: [] };
    const digest = await put(blobs, Buffer.from(JSON.stringify(both)));
    await expect(endpoint.openPull({ manifestDigest: digest })).rejects.toThrow(/not a manifest/);
  });

  it('answers referrers with an empty index', async () => {
    const answer = await ask({ method: 'GET', path: `/v2/slipway/referrers/${image.stored.manifestDigest}` });
    expect(answer.headers['content-type']).toBe(MEDIA_TYPES.ociIndex);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ schemaVersion: 2, manifests: [] });
  });
});

describe('blobs', () => {
  it('serves layer and config whole, with length and digest, and counts them', async () => {
    const layer = await ask({ method: 'GET', path: layerPath() });
    const config = await ask({ method: 'GET', path: `/v2/slipway/blobs/${image.stored.configDigest}` });
    expect(layer).toMatchObject({
      status: 200,
      headers: {
        'content-length': String(image.layers[0]!.length),
        'docker-content-digest': digestOf(image.layers[0]!),
      },
    });
    expect(layer.body.equals(image.layers[0]!)).toBe(true);
    expect(config.body.equals(image.config)).toBe(true);
    expect(pull.stats.bytesOut).toBe(image.layers[0]!.length + image.config.length);
  });

  it('tells the length of a blob on HEAD without sending it', async () => {
    const answer = await ask({ method: 'HEAD', path: layerPath() });
    expect([answer.status, answer.headers['content-length']]).toEqual([200, String(image.layers[0]!.length)]);
    expect(pull.stats.bytesOut).toBe(0);
  });

  it.each([
    ['bytes=100-', 100, undefined],
    ['bytes=0-', 0, undefined],
    ['bytes=10-19', 10, 20],
    ['bytes=10-99999999', 10, undefined],
  ])('serves %s as a part', async (range, start, end) => {
    const layer = image.layers[0]!;
    const answer = await ask({ method: 'GET', path: layerPath(), headers: { Range: range } });
    expect([answer.status, answer.headers['content-range']]).toEqual([
      206,
      `bytes ${start}-${(end ?? layer.length) - 1}/${layer.length}`,
    ]);
    expect(answer.body.equals(layer.subarray(start, end))).toBe(true);
  });

  it('refuses a range behind the end, and ignores one that it does not know', async () => {
    const behind = await ask({ method: 'GET', path: layerPath(), headers: { Range: 'bytes=99999999-' } });
    const odd = await ask({ method: 'GET', path: layerPath(), headers: { Range: 'bytes=0-1,4-5' } });
    expect([behind.status, odd.status]).toEqual([416, 200]);
  });

  it('cuts the connection and records it when the store gives less than the manifest says', async () => {
    const path = join(directory, 'blobs', digestOf(image.layers[1]!).slice(7));
    await writeFile(path, image.layers[1]!.subarray(0, 100));
    await expect(ask({ method: 'GET', path: layerPath(1) })).rejects.toThrow();
    expect(pull.errors).toEqual([expect.stringMatching(/^Blob sha256:.* in the store: .* bytes less$/)]);
  });

  it('answers 404 and records it when a blob has left the store', async () => {
    await blobs.remove(digestOf(image.layers[1]!));
    const answer = await ask({ method: 'GET', path: layerPath(1) });
    expect([answer.status, answer.code]).toEqual([404, 'BLOB_UNKNOWN']);
    expect(pull.errors).toHaveLength(1);
  });

  it('answers 500 when the store fails, and the same request works afterwards', async () => {
    const read = blobs.read.bind(blobs);
    blobs.read = async () => Promise.reject(new Error('store is away'));
    const failed = await ask({ method: 'GET', path: layerPath() });
    blobs.read = read;
    expect([failed.status, pull.errors]).toEqual([500, ['store is away']]);
    expect((await ask({ method: 'GET', path: layerPath() })).status).toBe(200);
  });

  it('stops reading the store when the engine hangs up, and does not call that an error', async () => {
    const big = randomBytes(64);
    const body = Readable.from(
      (function* () {
        for (;;) yield big;
      })(),
    );
    blobs.read = () => Promise.resolve(body);
    const socket = connect(endpoint.port, '127.0.0.1');
    const credential = Buffer.from(`${pull.username}:${pull.password}`).toString('base64');
    const closed = new Promise((resolve) => body.once('close', resolve));
    socket.write(`GET ${layerPath()} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${credential}\r\n\r\n`);
    socket.once('data', () => socket.destroy());
    await closed;
    expect(pull.errors).toEqual([]);
  });
});

describe('a part of an image that is damaged in the store', () => {
  const half = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length >> 1);
  const flipped = (bytes: Buffer): Buffer => {
    const other = Buffer.from(bytes);
    other[other.length >> 1]! ^= 1;
    return other;
  };
  const harms: Readonly<Record<string, (bytes: Buffer, other: Buffer) => Buffer | undefined>> = {
    changed: flipped,
    cut: half,
    empty: () => Buffer.alloc(0),
    'in place of another': (_bytes, other) => other,
    'there twice': (bytes) => Buffer.concat([bytes, bytes]),
    'followed by more': (bytes) => Buffer.concat([bytes, randomBytes(3_000_000)]),
    absent: () => undefined,
  };
  const cases = (['layer', 'config'] as const).flatMap((part) =>
    Object.keys(harms).map((harm) => [part, harm] as const),
  );

  it.each(cases)('a %s that is %s: no engine takes other bytes for it', async (part, harm) => {
    const objects = createMemoryObjectStore();
    const stored = createStore(objects).blobs;
    const made = await putImage(stored, await anImage());
    const [first, second] = made.layers as [Buffer, Buffer];
    const [bytes, other] = part === 'layer' ? [first, second] : [made.config, first];
    await using own = new AsyncDisposableStack();
    const damaged = own.adopt(await startImageEndpoint({ blobs: stored }), (opened) => opened.close());
    const transfer = await damaged.openPull(made.stored);
    const harmed = harms[harm]!(bytes, other);
    if (harmed) await objects.put(blobKey(digestOf(bytes)), harmed);
    else await objects.delete([blobKey(digestOf(bytes))]);

    const get = { method: 'GET', path: `/v2/slipway/blobs/${digestOf(bytes)}` };
    const answer = await endpointClient(damaged, transfer)(get).catch(() => undefined);

    const isTaken = answer?.status === 200;
    if (isTaken) expect(answer.body.equals(bytes)).toBe(true);
    else expect(transfer.errors).toHaveLength(1);
    // Of what comes behind the right bytes nothing is served.
    if (isTaken) expect(['there twice', 'followed by more']).toContain(harm);
  });
});

describe('where it listens', () => {
  it('serves the same on its unix socket, which only its user may open', async () => {
    const socketPath = join(directory, 'endpoint.sock');
    const answer = await endpointClient({ socketPath }, pull)({ method: 'GET', path: layerPath() });
    expect(answer.body.equals(image.layers[0]!)).toBe(true);
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  });

  it('takes the place of a socket that a killed worker left behind', async () => {
    const socketPath = join(directory, 'endpoint.sock');
    const successor = await startImageEndpoint({ blobs, socketPath });
    await successor.close();
    expect(successor.port).not.toBe(endpoint.port);
  });

  it('refuses to take the place of a file', async () => {
    const socketPath = join(directory, 'precious');
    await writeFile(socketPath, 'kept');
    await expect(startImageEndpoint({ blobs, socketPath })).rejects.toThrow('EADDRINUSE');
  });

  it('answers a TLS handshake with HTTP 400, so that a modern engine falls back to HTTP', async () => {
    const socket = connect(endpoint.port, '127.0.0.1');
    socket.write(Buffer.from('16030100c8010000c40303', 'hex'));
    const [answer] = (await socket.take(1).toArray()) as Buffer[];
    expect(answer!.toString()).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each([
    ['GET', '/v2/other/manifests/x', 404, 'NAME_UNKNOWN'],
    ['GET', '/v2/slipway/tags/list', 404, 'UNSUPPORTED'],
    ['DELETE', '/v2/slipway/manifests/x', 405, 'UNSUPPORTED'],
    ['GET', '/v2/slipway/blobs/sha256:zz', 400, 'DIGEST_INVALID'],
    ['GET', '/v2/slipway/blobs/%E0%A4%A', 400, 'UNSUPPORTED'],
    ['GET', '/v2/slipway/manifests/latest', 404, 'MANIFEST_UNKNOWN'],
    ['GET', '/', 404, 'UNSUPPORTED'],
  ])('refuses %s %s with %d %s', async (method, path, status, code) => {
    const answer = await ask({ method, path });
    expect([answer.status, answer.code]).toEqual([status, code]);
  });
});
