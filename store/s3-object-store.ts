import {
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
} from '@aws-sdk/client-s3';
import { isSlipwayError, StoreUnavailable } from '../model/errors.ts';
import type { BucketPolicy } from './bucket-policy.ts';
import { checkKey } from './keys.ts';
import type { ObjectInfo, ObjectStore } from './object-store.ts';
import { copyObject } from './s3-copy.ts';
import { isBucketOurs, isMissingBucket, isRefused } from './s3-errors.ts';
import { abortUploads } from './s3-multipart.ts';
import type { OutageListener, Outages } from './outages.ts';
import { putBuffer } from './s3-put.ts';
import { putStream } from './s3-put-stream.ts';
import { getObject, headObject, openStream } from './s3-read.ts';
import type { S3Config, S3Limits, S3Session } from './s3-session.ts';
import { S3_LIMITS, createS3Session } from './s3-session.ts';
import type { StoreClock } from './store-clock.ts';

export interface S3ObjectStore extends ObjectStore {
  /** Creates the bucket unless it is there; for that these keys need not be allowed to create one. */
  ensureBucket(): Promise<void>;
  readonly outages: Outages;
  readonly clock: StoreClock;
  /** Says who may do what with the bucket, instead of what was said before. */
  setPolicy(policy: BucketPolicy): Promise<void>;
  /** Closes the connections; nothing may be asked afterwards. */
  close(): void;
}

/** An object store over an S3 server, addressed in path style. `limits` are for tests and unusual servers. */
export function createS3ObjectStore(
  config: S3Config,
  limits: Partial<S3Limits> = {},
  listener: OutageListener = {},
): S3ObjectStore {
  const s3 = createS3Session(config, { ...S3_LIMITS, ...limits }, listener);
  return {
    bucket: s3.bucket,
    outages: s3.outages,
    clock: s3.clock,
    async head(key, signal) {
      checkKey(key);
      return headObject(s3, key, signal);
    },
    async get(key, signal) {
      checkKey(key);
      return getObject(s3, key, signal);
    },
    async stream(key, options) {
      checkKey(key);
      return openStream(s3, key, options);
    },
    async put(key, body, options) {
      checkKey(key);
      return putBuffer(s3, key, body, options);
    },
    async putStream(key, body, options) {
      checkKey(key);
      return putStream(s3, key, body, options);
    },
    async copy(from, to, options) {
      checkKey(to);
      await copyObject(s3, from, to, options);
    },
    async delete(keys, signal) {
      const { keysPerRequest } = s3.limits;
      for (let start = 0; start < keys.length; start += keysPerRequest)
        await deleteBatch(s3, keys.slice(start, start + keysPerRequest), signal);
    },
    async deleteIf(key, etag, signal) {
      checkKey(key);
      return deleteIf(s3, key, etag, signal);
    },
    abortUploads: (begunBefore, signal, options) => abortUploads(s3, begunBefore, { signal, ...options }),
    list: (prefix, options) => listObjects(s3, prefix, options),
    async ensureBucket() {
      if (!(await hasBucket(s3))) await createBucket(s3);
    },
    async setPolicy(policy) {
      const command = new PutBucketPolicyCommand({ Bucket: s3.bucket, Policy: JSON.stringify(policy) });
      await s3.call('PutBucketPolicy', '', () => s3.client.send(command));
    },
    close: () => s3.close(),
  };
}

/** A bucket that these keys may not look at is there: it is told when it is used, in more words than this answer has. */
async function hasBucket(s3: S3Session): Promise<boolean> {
  const command = new HeadBucketCommand({ Bucket: s3.bucket });
  return s3.call('HeadBucket', '', () =>
    s3.client.send(command).then(
      () => true,
      (error: unknown) => {
        if (isMissingBucket(error)) return false;
        if (isRefused(error)) return true;
        throw error;
      },
    ),
  );
}

async function createBucket(s3: S3Session): Promise<void> {
  const command = new CreateBucketCommand({ Bucket: s3.bucket });
  await s3.call('CreateBucket', '', () =>
    s3.client.send(command).then(
      () => undefined,
      (error: unknown) => {
        // Somebody else was faster.
        if (!isBucketOurs(error)) throw error;
      },
    ),
  );
}

async function deleteBatch(s3: S3Session, keys: readonly string[], signal?: AbortSignal): Promise<void> {
  const Objects = keys.map((Key) => ({ Key }));
  const command = new DeleteObjectsCommand({ Bucket: s3.bucket, Delete: { Objects, Quiet: true } });
  const send = () => s3.client.send(command, { abortSignal: signal });
  const { Errors = [] } = await s3.call('DeleteObjects', keys[0] ?? '', send, signal);
  const [first] = Errors.filter(({ Code }) => Code !== 'NoSuchKey');
  if (!first) return;
  const { Key = '', Code = '', Message = '' } = first;
  throw new StoreUnavailable('DeleteObjects', s3.bucket, Key, `${Code}: ${Message}`);
}

async function deleteIf(s3: S3Session, key: string, etag: string, signal?: AbortSignal): Promise<boolean> {
  const command = new DeleteObjectCommand({ Bucket: s3.bucket, Key: key, IfMatch: etag });
  try {
    await s3.call('DeleteObject', key, () => s3.client.send(command, { abortSignal: signal }), signal);
    return true;
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'WriteConflict') return false;
    throw error;
  }
}

async function* listObjects(
  s3: S3Session,
  prefix: string,
  options: { readonly startAfter?: string; readonly signal?: AbortSignal } = {},
): AsyncGenerator<ObjectInfo, void> {
  const { startAfter, signal } = options;
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: s3.bucket,
      Prefix: prefix,
      MaxKeys: s3.limits.keysPerRequest,
      ...(token === undefined ? { StartAfter: startAfter } : { ContinuationToken: token }),
    });
    const send = () => s3.client.send(command, { abortSignal: signal });
    const page = await s3.call('ListObjectsV2', prefix, send, signal);
    for (const { Key = '', Size = 0, ETag = '', LastModified = new Date(0) } of page.Contents ?? [])
      yield { key: Key, sizeBytes: Size, etag: ETag, lastModified: LastModified };
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}
