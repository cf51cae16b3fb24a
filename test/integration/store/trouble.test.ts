import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { buffer } from 'node:stream/consumers';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Rehearsal } from '../../../store/collect/rehearsal.ts';
import { Tally } from '../../../store/collect/tally.ts';
import { createStore } from '../../../store/create-store.ts';
import type { S3ObjectStore } from '../../../store/s3-object-store.ts';
import { createS3ObjectStore } from '../../../store/s3-object-store.ts';
import type { S3Limits } from '../../../store/s3-session.ts';
import { aBody, aBrokenBody, aStalledBody, randomBytes, sha256 } from '../../helpers/bytes.ts';
import { openTestBucket, s3TestConfig } from '../../helpers/s3-test-server.ts';
import type { Trouble, TroubledProxy } from '../../helpers/troubled-proxy.ts';
import { startTroubledProxy } from '../../helpers/troubled-proxy.ts';

jest.setTimeout(60_000);

const MIB = 1024 ** 2;
const bytes = randomBytes(20 * MIB);

let direct: S3ObjectStore;

beforeAll(async () => {
  direct = await openTestBucket();
});

afterAll(() => direct.close());

interface Troubled extends AsyncDisposable {
  readonly objects: S3ObjectStore;
  readonly proxy: TroubledProxy;
}

async function behind(
  troubleOf: (connection: number) => Trouble,
  limits: Partial<S3Limits> = {},
): Promise<Troubled> {
  const proxy = await startTroubledProxy(s3TestConfig().endpoint ?? '', troubleOf);
  const config = { ...s3TestConfig(), bucket: direct.bucket, endpoint: proxy.endpoint };
  const objects = createS3ObjectStore(config, limits);
  return {
    objects,
    proxy,
    async [Symbol.asyncDispose]() {
      objects.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

async function openUploads(): Promise<number> {
  const { endpoint = '', region, accessKeyId = '', secretAccessKey = '' } = s3TestConfig();
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: direct.bucket }));
  client.destroy();
  return Uploads.length;
}

describe('stream', () => {
  it('goes on at the byte where the connection broke', async () => {
    const key = randomUUID();
    await direct.put(key, bytes);
    await using troubled = await behind((n) => (n < 3 ? { cutDownAfterBytes: 5 * MIB } : {}));

    const read = await buffer((await troubled.objects.stream(key, { start: 100 }))!);

    expect(read.equals(bytes.subarray(100))).toBe(true);
    expect(troubled.proxy.connections()).toBe(4);
  });

  it('goes on where the server fell silent', async () => {
    const key = randomUUID();
    await direct.put(key, bytes);
    await using troubled = await behind((n) => (n < 2 ? { stallDownAfterBytes: 5 * MIB } : {}), {
      idleTimeoutMs: 1000,
    });

    const read = await buffer((await troubled.objects.stream(key))!);

    expect(read.equals(bytes)).toBe(true);
    expect(troubled.proxy.connections()).toBe(3);
  });

  it('does not go on with another version of the object', async () => {
    const key = randomUUID();
    await direct.put(key, bytes);
    await using troubled = await behind((n) => (n < 1 ? { cutDownAfterBytes: 5 * MIB } : {}));
    const body = (await troubled.objects.stream(key))!;
    await direct.put(key, randomBytes(20 * MIB));

    await expect(buffer(body)).rejects.toMatchObject({ type: 'WriteConflict' });
  });

  it('fails with StoreUnavailable when every connection breaks without a byte', async () => {
    const key = randomUUID();
    await direct.put(key, bytes);
    await using troubled = await behind(
      (n) => (n < 1 ? { cutDownAfterBytes: 5 * MIB } : { cutDownAfterBytes: 0 }),
      {
        patienceMs: 1000,
      },
    );

    const body = (await troubled.objects.stream(key))!;

    await expect(buffer(body)).rejects.toMatchObject({ type: 'StoreUnavailable' });
  });

  it('closes its connection when its reader goes away', async () => {
    const key = randomUUID();
    await direct.put(key, bytes);
    await using troubled = await behind(() => ({ stallDownAfterBytes: 5 * MIB }));
    const body = (await troubled.objects.stream(key))!;
    await new Promise((resolve) => body.once('data', resolve));

    body.destroy();

    await eventually(() => troubled.proxy.open() === 0);
  });

  it('stops with the signal’s reason', async () => {
    const key = randomUUID();
    await direct.put(key, bytes);
    await using troubled = await behind(() => ({ stallDownAfterBytes: 5 * MIB }));
    const stop = new AbortController();
    const body = (await troubled.objects.stream(key, { signal: stop.signal }))!;
    setTimeout(() => stop.abort(new Error('enough')), 300);

    await expect(buffer(body)).rejects.toThrow('enough');
  });
});

describe('requests from memory', () => {
  it('are repeated while the server answers 503', async () => {
    const key = randomUUID();
    await using troubled = await behind((n) => (n < 4 ? { refuseWith: 503 } : {}));

    await troubled.objects.put(key, Buffer.from('x'));

    expect((await direct.get(key))?.body.toString()).toBe('x');
    expect(troubled.proxy.connections()).toBe(5);
  });

  it('are not repeated when the server refuses', async () => {
    await using troubled = await behind(() => ({ refuseWith: 403 }));

    await expect(troubled.objects.get('a')).rejects.toMatchObject({ type: 'StoreUnavailable' });

    expect(troubled.proxy.connections()).toBe(1);
  });

  it('fail with StoreUnavailable naming bucket and key when patience ends', async () => {
    const config = { ...s3TestConfig(), bucket: 'b-b', endpoint: 'http://127.0.0.1:1' };
    const objects = createS3ObjectStore(config, { patienceMs: 500 });

    await expect(objects.head('some/key')).rejects.toThrow(
      /HeadObject.*bucket=b-b, key=some\/key.*ECONNREFUSED/,
    );
  });

  it('take a conditional write whose answer was lost for their own', async () => {
    const key = randomUUID();
    await using troubled = await behind((n) => (n < 1 ? { cutDownAfterBytes: 0 } : {}));

    await troubled.objects.put(key, Buffer.from('mine'), { onlyIf: 'absent' });

    expect((await direct.get(key))?.body.toString()).toBe('mine');
  });

  it('do not take another writer’s object for their own', async () => {
    const key = randomUUID();
    await direct.put(key, Buffer.from('theirs'));
    await using troubled = await behind((n) => (n < 1 ? { cutDownAfterBytes: 0 } : {}));

    const writing = troubled.objects.put(key, Buffer.from('mine'), { onlyIf: 'absent' });

    await expect(writing).rejects.toMatchObject({ type: 'WriteConflict' });
  });
});

describe('putStream', () => {
  const known = { sizeBytes: bytes.length, sha256: sha256(bytes) };

  it('sends a large body after the server refused it before its first byte', async () => {
    const key = randomUUID();
    await using troubled = await behind((n) => (n < 3 ? { refuseWith: 503 } : {}));

    await troubled.objects.putStream(key, aBody(bytes), known);

    expect(await direct.head(key)).toMatchObject({ sha256: known.sha256 });
    expect(troubled.proxy.connections()).toBe(4);
  });

  it('shows nothing of a large body when the connection breaks in its middle', async () => {
    const key = randomUUID();
    await using troubled = await behind(() => ({ cutUpAfterBytes: 15 * MIB }));

    const writing = troubled.objects.putStream(key, aBody(bytes), known);

    await expect(writing).rejects.toMatchObject({ type: 'StoreUnavailable' });
    expect(await direct.head(key)).toBeUndefined();
  });

  it('repeats the parts whose connection broke', async () => {
    const key = randomUUID();
    await using troubled = await behind((n) => (n < 3 ? { cutUpAfterBytes: 5 * MIB } : {}));

    const written = await troubled.objects.putStream(key, aBody(bytes));

    expect(written).toMatchObject(known);
    expect((await direct.get(key))?.body.equals(bytes)).toBe(true);
  });

  it('finds a multipart upload completed whose answer was lost', async () => {
    const key = randomUUID();
    let lost = 0;
    const isFirstCompletion = (sent: string) => /^POST \S+uploadId=/.test(sent) && ++lost === 1;
    await using troubled = await behind(() => ({ loseAnswerTo: isFirstCompletion }));

    await troubled.objects.putStream(key, aBody(bytes));

    expect(lost).toBe(2);
    expect((await direct.get(key))?.body.equals(bytes)).toBe(true);
  });

  it.each([
    ['whose digest is wrong', () => aBody(bytes), { sha256: sha256('other') }],
    ['that breaks', () => aBrokenBody(bytes.subarray(0, 12 * MIB), new Error('gone')), {}],
    ['that is cancelled', () => aStalledBody(bytes.subarray(0, 12 * MIB)), { signal: 300 }],
    ['that is too short', () => aBody(bytes), { sizeBytes: bytes.length + 1 }],
  ])(
    'leaves no unfinished upload behind for a body %s',
    async (
      _,
      body,
      {
        signal,
        ...options
      }: {
        signal?: number;
        sha256?: string;
        sizeBytes?: number;
      },
    ) => {
      const key = randomUUID();
      const stop = signal === undefined ? {} : { signal: AbortSignal.timeout(signal) };

      await expect(direct.putStream(key, body(), { ...options, ...stop })).rejects.toThrow();

      expect(await direct.head(key)).toBeUndefined();
      expect(await openUploads()).toBe(0);
    },
  );

  it('stops reading the body when a part cannot be sent', async () => {
    // Every connection, also the one that the upload was begun on: a part that reuses it would get through.
    await using troubled = await behind(() => ({ cutUpAfterBytes: MIB }), { patienceMs: 500 });
    const body = aStalledBody(bytes);

    const writing = troubled.objects.putStream(randomUUID(), body);

    await expect(writing).rejects.toMatchObject({ type: 'StoreUnavailable' });
    expect(troubled.proxy.connections()).toBeGreaterThan(3);
    expect(body.destroyed).toBe(true);
  });
});

describe('multipart uploads that nobody completes', () => {
  it('are taken back when they are old, and only then; a dry run counts them', async () => {
    const { endpoint = '', region, accessKeyId = '', secretAccessKey = '' } = s3TestConfig();
    const credentials = { accessKeyId, secretAccessKey };
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
    for (const Key of ['blobs/sha256/left', 'uploads/left', 'level-1/left'])
      await client.send(new CreateMultipartUploadCommand({ Bucket: direct.bucket, Key }));
    client.destroy();
    const store = createStore(direct);

    await store.sweep({ olderThan: new Date(Date.now() - 3_600_000) });
    expect(await openUploads()).toBe(3);
    const later = createStore(direct, undefined, { now: () => new Date(Date.now() + 3 * 86_400_000) });
    const tally = new Tally();
    const { signal } = new AbortController();
    await later.collector.rehearse(new Rehearsal()).expire({ level: 1, lifeMs: 1, tally, signal });
    expect(tally.kinds.get('uploads')?.freed.objects).toBe(3);
    expect(await openUploads()).toBe(3);

    expect(await store.sweep({ olderThan: new Date(Date.now() + 3_600_000) })).toMatchObject({
      multipartUploads: 3,
    });
    expect(await openUploads()).toBe(0);
  });

  it('stay where they are not of the store', async () => {
    const { endpoint = '', region, accessKeyId = '', secretAccessKey = '' } = s3TestConfig();
    const credentials = { accessKeyId, secretAccessKey };
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
    const others = await Promise.all(
      ['backups/monday', 'my-blobs/a', 'level-up/a', 'blobs.tar'].map(async (Key) => {
        const target = { Bucket: direct.bucket, Key };
        const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
        return { ...target, UploadId };
      }),
    );

    const swept = await createStore(direct).sweep({ olderThan: new Date(Date.now() + 3_600_000) });

    expect([swept.multipartUploads, await openUploads()]).toEqual([0, others.length]);
    for (const upload of others) await client.send(new AbortMultipartUploadCommand(upload));
    client.destroy();
  });
});

describe('copy', () => {
  it('copies by ranges what is too large for one request', async () => {
    const [from, to] = [randomUUID(), randomUUID()];
    await direct.put(from, bytes, { metadata: { m: '1' }, contentType: 'a/b' });
    const config = { ...s3TestConfig(), bucket: direct.bucket };
    const objects = createS3ObjectStore(config, { singleRequestMaxBytes: 6 * MIB });

    await objects.copy(from, to);
    await objects.copy(from, `${to}-2`, { metadata: { n: '2' } });
    objects.close();

    const copied = await direct.get(to);
    expect(copied?.body.equals(bytes)).toBe(true);
    expect(copied?.info).toMatchObject({ metadata: { m: '1' }, contentType: 'a/b' });
    expect(await direct.head(`${to}-2`)).toMatchObject({ metadata: { n: '2' }, sizeBytes: bytes.length });
  });
});

async function eventually(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 500) throw new Error('It never came true');
    await sleep(20);
  }
}
