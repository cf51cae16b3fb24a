import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../../docker/endpoint/closure.ts';
import { startImageEndpoint } from '../../../docker/endpoint/image-endpoint.ts';
import type { ImageEndpoint, PushOutcome, Transfer } from '../../../docker/endpoint/image-endpoint.ts';
import { MANIFEST_MAX_BYTES, MEDIA_TYPES } from '../../../docker/endpoint/manifest.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import { createBlobStore } from '../../../store/blob-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { endpointClient } from '../../helpers/endpoint-client.ts';
import type { Answer } from '../../helpers/endpoint-client.ts';
import { anImage, put } from '../../helpers/stored-images.ts';

let directory: string;
let blobs: DirectoryBlobs;
let endpoint: ImageEndpoint;
let confirmable: Set<Digest>;
let push: Transfer & { result(): PushOutcome };
let ask: ReturnType<typeof endpointClient>;
const body = randomBytes(200_000);
const digest = digestOf(body);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-push-'));
  blobs = await DirectoryBlobs.create(join(directory, 'blobs'));
  endpoint = await startImageEndpoint({ blobs });
  confirmable = new Set();
  push = endpoint.openPush({ mayConfirm: (asked) => confirmable.has(asked) });
  ask = endpointClient(endpoint, push);
});

afterEach(async () => {
  await endpoint.close();
  await rm(directory, { recursive: true });
});

const begin = async (query = ''): Promise<string> => {
  const answer = await ask({ method: 'POST', path: `/v2/slipway/blobs/uploads/${query}` });
  expect(answer.status).toBe(202);
  return String(answer.headers.location);
};
const head = (asked: Digest): Promise<Answer> => ask({ method: 'HEAD', path: `/v2/slipway/blobs/${asked}` });
const upload = async (bytes: Buffer): Promise<Answer> =>
  await ask({ method: 'PUT', path: `${await begin()}?digest=${digestOf(bytes)}`, body: bytes });
const putManifest = (
  reference: string,
  bytes: Buffer,
  type: string = MEDIA_TYPES.ociManifest,
): Promise<Answer> =>
  ask({
    method: 'PUT',
    path: `/v2/slipway/manifests/${reference}`,
    body: bytes,
    headers: { 'Content-Type': type },
  });

describe('uploads', () => {
  it('takes a blob as a classic engine sends it: chunked PATCH, digest last', async () => {
    const location = await begin();
    const patched = await ask({
      method: 'PATCH',
      path: location,
      body: Readable.from([body.subarray(0, 9), body.subarray(9)]),
    });
    const done = await ask({
      method: 'PUT',
      path: `${patched.headers.location}?digest=${digest}`,
      body: Buffer.alloc(0),
    });
    expect([patched.status, done.status, done.headers['docker-content-digest']]).toEqual([202, 201, digest]);
    expect(patched.headers.range).toBe(`0-${body.length - 1}`);
    expect(await blobs.stat(digest)).toMatchObject({ sizeBytes: body.length });
    expect((await head(digest)).headers['content-length']).toBe(String(body.length));
    expect(push.stats.bytesIn).toBe(body.length);
  });

  it('takes a blob as a modern engine sends it: one PUT with everything', async () => {
    expect((await upload(body)).status).toBe(201);
    expect(await blobs.stat(digest)).toMatchObject({ sizeBytes: body.length });
    expect(push.result().uploaded).toEqual([digest]);
  });

  it('takes a blob in one POST', async () => {
    const answer = await ask({ method: 'POST', path: `/v2/slipway/blobs/uploads/?digest=${digest}`, body });
    expect([answer.status, await blobs.stat(digest)]).toEqual([201, { digest, sizeBytes: body.length }]);
  });

  it('takes several PATCHes with a length and a last part with the PUT', async () => {
    const location = await begin();
    const first = { 'Content-Range': '0-999' };
    await ask({ method: 'PATCH', path: location, body: body.subarray(0, 1000), headers: first });
    const wrong = await ask({
      method: 'PATCH',
      path: location,
      body: body.subarray(0, 10),
      headers: { 'Content-Range': '5-14' },
    });
    const shown = await ask({ method: 'GET', path: location });
    await ask({
      method: 'PATCH',
      path: location,
      body: body.subarray(1000, 3000),
      headers: { 'Content-Range': '1000-2999' },
    });
    const done = await ask({
      method: 'PUT',
      path: `${location}?digest=${digest}`,
      body: body.subarray(3000),
    });
    expect([wrong.status, shown.status, shown.headers.range, done.status]).toEqual([416, 204, '0-999', 201]);
  });

  it('gives relative locations', async () => {
    expect(await begin()).toMatch(/^\/v2\/slipway\/blobs\/uploads\/[0-9a-f-]+$/);
  });

  it('begins at byte 0 again when a PUT with a body is repeated in one session', async () => {
    const location = await begin();
    const write = blobs.write.bind(blobs);
    blobs.write = async (_digest, _size, stream) => {
      (stream as Readable).destroy();
      return Promise.reject(new Error('store is away'));
    };
    const failed = await ask({ method: 'PUT', path: `${location}?digest=${digest}`, body });
    blobs.write = write;
    const repeated = await ask({ method: 'PUT', path: `${location}?digest=${digest}`, body });
    expect([failed.status, repeated.status, push.errors]).toEqual([500, 201, ['store is away']]);
  });

  it('answers 500 to a PATCH while its body is still coming when the store fails', async () => {
    blobs.writeUnknown = async () => Promise.reject(new Error('store is away'));
    const endless = Readable.from([body, body]);
    const answer = await ask({ method: 'PATCH', path: await begin(), body: endless });
    expect([answer.status, push.errors]).toEqual([500, ['store is away']]);
  });

  it('refuses bytes of another digest, with PATCH and with PUT, and keeps nothing of them', async () => {
    const other = digestOf(Buffer.from('other'));
    const location = await begin();
    await ask({ method: 'PATCH', path: location, body });
    const appended = await ask({ method: 'PUT', path: `${location}?digest=${other}` });
    const whole = await ask({ method: 'PUT', path: `${await begin()}?digest=${other}`, body });
    for (const answer of [appended, whole])
      expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID']);
    expect(await readdir(join(directory, 'blobs'))).toEqual([]);
    expect((await head(other)).status).toBe(404);
  });

  it('needs a sha256 digest to end an upload', async () => {
    const location = await begin();
    for (const query of ['', '?digest=md5:00', '?digest=sha256:..%2f..']) {
      const answer = await ask({ method: 'PUT', path: `${location}${query}`, body });
      expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID']);
    }
  });

  it('forgets an upload that was given up or is not its own', async () => {
    const location = await begin();
    expect((await ask({ method: 'DELETE', path: location })).status).toBe(204);
    const other = endpoint.openPush({ mayConfirm: () => false });
    const foreign = await begin();
    for (const answer of [
      await ask({ method: 'PATCH', path: location, body }),
      await endpointClient(endpoint, other)({ method: 'PATCH', path: foreign, body }),
    ])
      expect([answer.status, answer.code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
  });

  it('keeps a blob whose body came whole though the engine is gone', async () => {
    const location = await begin();
    let finish = (): void => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    const write = blobs.write.bind(blobs);
    const outcome = new Promise<string>((resolve) => {
      blobs.write = async (...args) => {
        const written = await write(...args);
        await held;
        resolve(written);
        return written;
      };
    });
    const socket = connect(endpoint.port, '127.0.0.1');
    const credential = Buffer.from(`${push.username}:${push.password}`).toString('base64');
    socket.write(
      `PUT ${location}?digest=${digest} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${credential}\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    await new Promise((resolve) => socket.write(body, resolve));
    while (push.stats.bytesIn < body.length) await delay(5);
    socket.destroy();
    finish();
    expect(await outcome).toBe('written');
    expect((await head(digest)).status).toBe(200);
  });

  it('keeps nothing of a body that was cut, and goes on', async () => {
    const location = await begin();
    const socket = connect(endpoint.port, '127.0.0.1');
    const credential = Buffer.from(`${push.username}:${push.password}`).toString('base64');
    socket.write(
      `PUT ${location}?digest=${digest} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${credential}\r\nContent-Length: ${body.length}\r\n\r\nshort`,
    );
    while (push.stats.bytesIn === 0) await delay(5);
    socket.destroy();
    while (push.errors.length === 0) await delay(5);
    expect(await readdir(join(directory, 'blobs'))).toEqual([]);
    expect((await ask({ method: 'PUT', path: `${location}?digest=${digest}`, body })).status).toBe(201);
  });

  it('takes all of a large blob though the store has it already and does not read it', async () => {
    const large = Buffer.alloc(5_000_000, 'large');
    await put(blobs, large);
    expect((await upload(large)).status).toBe(201);
    expect(push.stats.bytesIn).toBe(large.length);
  });

  it('takes nothing for sent of which other bytes came, though the store has it and the length is right', async () => {
    const secret = await put(blobs, randomBytes(5_000_000));
    const location = await begin();
    const lie = { method: 'PUT', path: `${location}?digest=${secret}`, body: Buffer.alloc(5_000_000) };

    const answer = await ask(lie);

    expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID']);
    expect((await head(secret)).status).toBe(404);
    expect(push.result().uploaded).toEqual([]);
    expect(await blobs.stat(secret)).toMatchObject({ sizeBytes: 5_000_000 });
  });

  it('has a blob sent again that came from elsewhere meanwhile, and then takes it', async () => {
    const racing = await startImageEndpoint({ blobs: createBlobStore(createMemoryObjectStore()) });
    const transfer = racing.openPush({ mayConfirm: () => false });
    const client = endpointClient(racing, transfer);
    const start = async (): Promise<string> =>
      `${String((await client({ method: 'POST', path: '/v2/slipway/blobs/uploads/' })).headers.location)}?digest=${digest}`;
    const [slow, fast] = [await start(), await start()];
    const halves = new Readable({ read: () => undefined });
    const headers = { 'Content-Length': String(body.length) };
    try {
      halves.push(body.subarray(0, 100_000));
      const loser = client({ method: 'PUT', path: slow, body: halves, headers });
      while (transfer.stats.bytesIn === 0) await delay(5);
      const winner = await client({ method: 'PUT', path: fast, body });
      halves.push(body.subarray(100_000));
      halves.push(null);
      const lost = await loser;
      // As a modern engine does by itself after a 5xx.
      const again = await client({ method: 'PUT', path: slow, body });

      expect([winner.status, lost.status, again.status]).toEqual([201, 500, 201]);
      expect(transfer.errors).toEqual([]);
      expect(transfer.result().uploaded).toEqual([digest]);
    } finally {
      await racing.close();
    }
  });

  it('tells whoever opened the push that the store has a part: sent, confirmed or a manifest', async () => {
    const image = await anImage();
    const [first, second] = image.layers.map(digestOf);
    await put(blobs, image.layers[0]!);
    let told = 0;
    const noted = endpoint.openPush({ mayConfirm: (asked) => asked === first, onStored: () => (told += 1) });
    const client = endpointClient(endpoint, noted);
    const send = async (bytes: Buffer, named: Digest = digestOf(bytes)): Promise<number> =>
      (await client({ method: 'POST', path: `/v2/slipway/blobs/uploads/?digest=${named}`, body: bytes }))
        .status;
    const counts: number[] = [];
    const count = async (request: Promise<unknown>): Promise<unknown> =>
      request.then(() => counts.push(told));

    await count(client({ method: 'HEAD', path: `/v2/slipway/blobs/${second}` }));
    await count(send(image.layers[0]!, second));
    await count(client({ method: 'HEAD', path: `/v2/slipway/blobs/${first}` }));
    await count(send(image.layers[1]!));
    await count(send(image.config));
    const headers = { 'Content-Type': MEDIA_TYPES.ociManifest };
    await count(
      client({ method: 'PUT', path: `/v2/slipway/manifests/${noted.tag}`, body: image.manifest, headers }),
    );

    expect(counts).toEqual([0, 0, 1, 2, 3, 4]);
  });

  it('tells whoever opened the push of each blob that has come, before the engine, and of no other', async () => {
    const told: Digest[] = [];
    const noted = endpoint.openPush({
      mayConfirm: () => false,
      onBlob: async (blob, sizeBytes) => {
        // It is there already: a note of something that never came would be a lie.
        expect(await blobs.stat(blob)).toMatchObject({ sizeBytes });
        told.push(blob);
      },
    });
    const client = endpointClient(endpoint, noted);
    const start = async (): Promise<string> =>
      String((await client({ method: 'POST', path: '/v2/slipway/blobs/uploads/' })).headers.location);
    const appended = await start();
    await client({ method: 'PATCH', path: appended, body });

    await client({ method: 'PUT', path: `${appended}?digest=${digest}` });
    await client({ method: 'PUT', path: `${await start()}?digest=${digest}`, body: Buffer.from('other') });

    expect(told).toEqual([digest]);
  });

  it('tells the store of a body that was cut, for a store that waits for the rest', async () => {
    blobs.write = (_digest, _sizeBytes, _body, signal) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('told'))));
    const location = await begin();
    const socket = connect(endpoint.port, '127.0.0.1');
    const credential = Buffer.from(`${push.username}:${push.password}`).toString('base64');
    socket.write(
      `PUT ${location}?digest=${digest} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${credential}\r\nContent-Length: ${body.length}\r\n\r\nshort`,
    );
    while (push.stats.bytesIn === 0) await delay(5);
    socket.destroy();
    while (push.errors.length === 0) await delay(5);
    expect(push.errors).toEqual(['told']);
  });

  it('aborts what is under way when the transfer is closed', async () => {
    const location = await begin();
    const endless = new Readable({ read: () => undefined });
    endless.push(body);
    const answer = ask({ method: 'PATCH', path: location, body: endless });
    while (push.stats.bytesIn === 0) await delay(5);
    push.close();
    endless.push(body);
    endless.push(null);
    expect((await answer).status).toBe(500);
    expect(await readdir(join(directory, 'blobs'))).toEqual([]);
  });
});

describe('what exists', () => {
  it('says that a stored blob is absent unless this transfer may confirm it', async () => {
    await put(blobs, body);
    expect((await head(digest)).status).toBe(404);
    confirmable.add(digest);
    const answer = await head(digest);
    expect([answer.status, answer.headers['content-length']]).toEqual([200, String(body.length)]);
    expect(push.result().confirmed).toEqual([digest]);
  });

  it('says that a blob is absent when it may be confirmed but is not in the store, and finds it later', async () => {
    confirmable.add(digest);
    expect((await head(digest)).status).toBe(404);
    await put(blobs, body);
    expect((await head(digest)).status).toBe(200);
  });

  it('mounts what may be confirmed and begins an upload for the rest', async () => {
    await put(blobs, body);
    const path = `/v2/slipway/blobs/uploads/?mount=${digest}&from=library/debian`;
    expect((await ask({ method: 'POST', path })).status).toBe(202);
    confirmable.add(digest);
    expect((await ask({ method: 'POST', path })).status).toBe(201);
  });

  it('gives out no blob to the credential of a push', async () => {
    await upload(body);
    const answer = await ask({ method: 'GET', path: `/v2/slipway/blobs/${digest}` });
    expect([answer.status, answer.code]).toEqual([403, 'DENIED']);
  });

  it('tells another transfer nothing of what this one has sent', async () => {
    await upload(body);
    const other = endpointClient(endpoint, endpoint.openPush({ mayConfirm: () => false }));
    expect((await other({ method: 'HEAD', path: `/v2/slipway/blobs/${digest}` })).status).toBe(404);
  });
});

describe('manifests', () => {
  it('keeps a manifest byte for byte under its digest when all its blobs were sent', async () => {
    const image = await anImage();
    for (const part of [image.config, ...image.layers]) await upload(part);
    const answer = await putManifest(push.tag, image.manifest);
    expect([answer.status, answer.headers['docker-content-digest']]).toEqual([
      201,
      image.stored.manifestDigest,
    ]);
    expect(await blobs.stat(image.stored.manifestDigest)).toBeDefined();
    expect(push.result().manifests).toEqual([
      { reference: push.tag, digest: image.stored.manifestDigest, mediaType: MEDIA_TYPES.ociManifest },
    ]);
    const shown = await ask({ method: 'HEAD', path: `/v2/slipway/manifests/${push.tag}` });
    expect(shown.headers['docker-content-digest']).toBe(image.stored.manifestDigest);
  });

  it('refuses a manifest that names a stored blob which was neither sent nor confirmed', async () => {
    const image = await anImage();
    for (const part of [image.config, ...image.layers]) await put(blobs, part);
    await upload(image.config);
    await upload(image.layers[0]!);
    const answer = await putManifest(push.tag, image.manifest);
    expect([answer.status, answer.code]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN']);
    expect(await blobs.stat(image.stored.manifestDigest)).toBeUndefined();
    expect(push.errors).toHaveLength(1);
  });

  it('takes a manifest whose layers were confirmed', async () => {
    const image = await anImage();
    for (const layer of image.layers) {
      confirmable.add(await put(blobs, layer));
      await head(digestOf(layer));
    }
    await upload(image.config);
    expect((await putManifest(push.tag, image.manifest)).status).toBe(201);
  });

  it('refuses a manifest whose sizes lie', async () => {
    const image = await anImage();
    for (const part of [image.config, ...image.layers]) await upload(part);
    const size = `"size":${image.layers[1]!.length}`;
    const lie = Buffer.from(image.manifest.toString().replace(size, '"size":7'));
    const answer = await putManifest(push.tag, lie);
    expect([answer.status, answer.code]).toEqual([400, 'SIZE_INVALID']);
  });

  it('takes an index only of manifests that this transfer has put', async () => {
    const image = await anImage();
    const child = {
      mediaType: MEDIA_TYPES.ociManifest,
      digest: image.stored.manifestDigest,
      size: image.manifest.length,
    };
    const index = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [child] }),
    );
    const early = await putManifest(push.tag, index, MEDIA_TYPES.ociIndex);
    for (const part of [image.config, ...image.layers]) await upload(part);
    await putManifest(image.stored.manifestDigest, image.manifest);
    const late = await putManifest(push.tag, index, MEDIA_TYPES.ociIndex);
    expect([early.status, late.status]).toEqual([400, 201]);
  });

  it('refuses a manifest under the digest of another', async () => {
    const answer = await putManifest(digest, Buffer.from('{}'));
    expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID']);
  });

  it('refuses a manifest that is too large before it has all of it', async () => {
    const answer = await putManifest(push.tag, Buffer.alloc(MANIFEST_MAX_BYTES + 1, ' '));
    expect([answer.status, answer.code]).toEqual([413, 'SIZE_INVALID']);
  });

  it.each([
    ['no JSON', 'x', MEDIA_TYPES.ociManifest],
    ['no manifest', '{}', MEDIA_TYPES.ociManifest],
    [
      'schema 1',
      '{"schemaVersion":1,"fsLayers":[]}',
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
    ],
    [
      'another type than it is sent as',
      `{"schemaVersion":2,"mediaType":"${MEDIA_TYPES.ociIndex}","manifests":[]}`,
      MEDIA_TYPES.dockerIndex,
    ],
    ['an index that is sent as a manifest', '{"schemaVersion":2,"manifests":[]}', MEDIA_TYPES.ociManifest],
    ['deep nesting', '['.repeat(100_000), MEDIA_TYPES.ociManifest],
  ])('refuses %s as a manifest', async (_what, text, type) => {
    const answer = await putManifest(push.tag, Buffer.from(text), type);
    expect([answer.status, answer.code]).toEqual([400, 'MANIFEST_INVALID']);
  });
});
