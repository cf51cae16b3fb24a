import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Digest, Level } from '../../../model/pure/ids.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import { bucketPolicy } from '../../../store/bucket-policy.ts';
import { mayWriteLevel, whyNotWritable } from '../../../store/may-write.ts';
import type { OpenStore } from '../../../store/open-store.ts';
import { openStore } from '../../../store/open-store.ts';
import { readConnections, readLevelConnections } from '../../../workers/connections.ts';
import { s3TestConfig } from '../../helpers/s3-test-server.ts';

const bucket = `slipway-test-${randomBytes(4).toString('hex')}`;
const configs: Partial<Record<Level | 'client', Connections['store']>> = {};
let setUp: OpenStore;
let one: S3Client;
let client: S3Client;

beforeAll(async () => {
  setUp = openStore({ ...s3TestConfig(), bucket });
  await setUp.objects.ensureBucket();
  for (const level of [1, 2, 3] as const)
    configs[level] = { ...(await readLevelConnections(process.env, level)).store, bucket };
  configs.client = { ...(await readConnections(process.env)).store, bucket };
  await setUp.objects.setPolicy(
    bucketPolicy(bucket, { client: id('client'), levels: { 1: id(1), 2: id(2), 3: id(3) } }),
  );
  one = s3Client(1);
  client = s3Client('client');
  for (const key of [
    'level-3/index/demo/images/base/hash',
    'level-3/layers/demo/diff',
    'level-3/tasks/task/demo/rev/label/status.json',
    'level-3/pushes/demo/rev/push.json',
    'level-1/pushes/demo/rev/plan.json',
    'blobs/sha256/aa',
  ])
    await setUp.objects.put(key, Buffer.from('theirs'));
});
afterAll(() => {
  one.destroy();
  client.destroy();
  setUp.close();
});

function id(who: Level | 'client'): string {
  return configs[who]?.accessKeyId ?? '';
}

function s3Client(who: Level | 'client'): S3Client {
  const { endpoint, region, accessKeyId = '', secretAccessKey = '' } = configs[who] ?? s3TestConfig();
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 });
}

/** `done`, or the name of the refusal. */
async function outcome(request: Promise<unknown>): Promise<string> {
  return request.then(
    () => 'done',
    (error: Error) => error.name,
  );
}

const put = (Key: string): PutObjectCommand => new PutObjectCommand({ Bucket: bucket, Key, Body: 'mine' });
const get = (Key: string): GetObjectCommand => new GetObjectCommand({ Bucket: bucket, Key });
const list = (Prefix: string): ListObjectsV2Command => new ListObjectsV2Command({ Bucket: bucket, Prefix });
const remove = (Key: string): DeleteObjectCommand => new DeleteObjectCommand({ Bucket: bucket, Key });
const copy = (from: string, Key: string): CopyObjectCommand =>
  new CopyObjectCommand({ Bucket: bucket, Key, CopySource: `${bucket}/${from}` });

describe('the keys of level 1, on the real server', () => {
  it('write and delete below level-1/ and uploads/, and add blobs', async () => {
    for (const key of ['level-1/tasks/x', 'uploads/x']) {
      expect(await outcome(one.send(put(key)))).toBe('done');
      expect(await outcome(one.send(remove(key)))).toBe('done');
    }
    expect(await outcome(one.send(put('blobs/sha256/bb')))).toBe('done');
    expect(await outcome(one.send(list('level-1/')))).toBe('done');
  });

  it('write nothing below level-3/, in no way, and delete nothing there', async () => {
    const index = 'level-3/index/demo/images/base/hash';
    const upload = new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'level-3/index/new' });
    const attempts = [
      put('level-3/index/new'),
      put(index),
      put('level-3/tasks/new'),
      copy('blobs/sha256/aa', 'level-3/index/new'),
      upload,
      remove(index),
    ];

    for (const attempt of attempts)
      expect(await outcome(one.send(attempt as PutObjectCommand))).toBe('AccessDenied');

    const several = await one.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: [{ Key: index }] } }),
    );
    expect(several.Errors?.map(({ Code }) => Code)).toEqual(['AccessDenied']);
    expect((await setUp.objects.get(index))?.body.toString()).toBe('theirs');
    expect(await setUp.objects.head('level-3/index/new')).toBeUndefined();
  });

  it('delete no blob, and do not change who may do what', async () => {
    expect(await outcome(one.send(remove('blobs/sha256/aa')))).toBe('AccessDenied');
    const policy = new PutBucketPolicyCommand({ Bucket: bucket, Policy: '{}' });
    expect(await outcome(one.send(policy))).toBe('AccessDenied');
    expect(await setUp.objects.head('blobs/sha256/aa')).toBeDefined();
  });

  it('read of level 3 its index and layers, and neither its records nor its logs', async () => {
    expect(await outcome(one.send(get('level-3/index/demo/images/base/hash')))).toBe('done');
    expect(await outcome(one.send(get('level-3/layers/demo/diff')))).toBe('done');
    expect(await outcome(one.send(list('level-3/index/demo/')))).toBe('done');

    const status = 'level-3/tasks/task/demo/rev/label/status.json';
    expect(await outcome(one.send(get(status)))).toBe('AccessDenied');
    expect(await outcome(one.send(copy(status, 'level-1/stolen')))).toBe('AccessDenied');
    expect(await outcome(one.send(list('level-3/')))).toBe('AccessDenied');
    expect(await outcome(one.send(list('')))).toBe('AccessDenied');
  });

  it('are found out by who asks whether they may write a level', async () => {
    const store = openStore(configs[1] ?? s3TestConfig());

    expect(await mayWriteLevel(store.objects, 1)).toBe(true);
    expect(await mayWriteLevel(store.objects, 3)).toBe(false);
    expect(await whyNotWritable(store.objects, 3)).toMatchObject({ code: 'AccessDenied', isKnown: true });
    expect(await setUp.objects.head('level-1/probe')).toBeUndefined();
    store.close();
    for (const wrong of [{ accessKeyId: 'nobody' }, { secretAccessKey: 'mistyped' }]) {
      const nobodys = openStore({ ...(configs[1] ?? s3TestConfig()), ...wrong });
      expect(await whyNotWritable(nobodys.objects, 1)).toMatchObject({
        code: expect.stringMatching(/^(InvalidAccessKeyId|SignatureDoesNotMatch|XAdminUserNotFound)$/),
        isKnown: false,
      });
      nobodys.close();
    }
  });

  it('may put other bytes under the name of a blob, which this server cannot forbid: no reader takes them', async () => {
    const bytes = randomBytes(100_000);
    const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const three = openStore(configs[3] ?? s3TestConfig());
    await three.blobs.write(digest, bytes.length, Readable.from([bytes], { objectMode: false }));

    await one.send(put(`blobs/sha256/${digest.slice('sha256:'.length)}`));

    await expect(three.blobs.read(digest).then(buffer)).rejects.toThrow(
      expect.objectContaining({ type: 'DigestMismatch' }),
    );
    // Keys that may not delete it take its bytes away, and it is written again.
    expect(await three.blobs.examine(digest)).toBe('removed');
    const body = Readable.from([bytes], { objectMode: false });
    expect(await three.blobs.write(digest, bytes.length, body)).toBe('written');
    expect((await three.blobs.read(digest).then(buffer)).equals(bytes)).toBe(true);
    expect(await three.blobs.examine(digest)).toBe('whole');
    three.close();
  });
});

describe('the keys of level 3', () => {
  it('read what every level reaches and take blobs away, but nothing of another level', async () => {
    const three = s3Client(3);
    await setUp.objects.put('blobs/sha256/dd', Buffer.from('nobody reaches it'));

    expect(await outcome(three.send(get('level-1/pushes/demo/rev/plan.json')))).toBe('done');
    expect(await outcome(three.send(list('level-1/')))).toBe('done');
    expect(await outcome(three.send(remove('blobs/sha256/dd')))).toBe('done');
    expect(await outcome(three.send(remove('level-1/pushes/demo/rev/plan.json')))).toBe('AccessDenied');
    expect(await outcome(three.send(put('level-1/pushes/demo/rev/plan.json')))).toBe('AccessDenied');
    three.destroy();
  });
});

describe('the keys of a client', () => {
  it('read every level, add refs to a push, and write nothing else', async () => {
    expect(await outcome(client.send(get('level-3/tasks/task/demo/rev/label/status.json')))).toBe('done');
    expect(await outcome(client.send(list('level-1/')))).toBe('done');
    // All that the store itself writes when a push is received.
    const store = openStore(configs.client ?? s3TestConfig());
    const pushId = `push/demo/3/${'a'.repeat(40)}`;
    await store.pushes.receive({
      version: 1,
      pushId,
      project: 'demo',
      domain: 'demo',
      level: 3,
      repository: 'file:///srv/demo.git',
      refs: ['refs/heads/main'],
      revision: 'a'.repeat(40),
      request: {},
      pushedBy: 'somebody',
      received: new Date().toISOString(),
    });
    expect((await store.pushes.find(pushId))?.refs).toEqual(['refs/heads/main']);
    store.close();

    for (const key of [
      'level-3/index/x',
      'level-1/pushes/demo/rev/plan.json',
      'level-3/pushes/demo/rev/status.json',
      'blobs/sha256/cc',
    ])
      expect(await outcome(client.send(put(key)))).toBe('AccessDenied');
    expect(await outcome(client.send(remove('level-3/pushes/demo/rev/push.json')))).toBe('AccessDenied');
  });
});

describe('the policy', () => {
  it('is short enough for a server that keeps it in an extended attribute of ext4', () => {
    const longest = 'x'.repeat(63);
    const user = 'level-1-12345678';
    const policy = bucketPolicy(longest, { client: user, levels: { 1: user, 2: user, 3: user } });

    expect(
      JSON.stringify(bucketPolicy('slipway', { client: user, levels: { 1: user, 2: user, 3: user } })).length,
    ).toBeLessThan(3_500);
    expect(policy.Statement.every(({ Effect }) => Effect === 'Allow')).toBe(true);
  });
});
