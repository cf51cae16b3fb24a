import { Readable } from 'node:stream';
import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import type { ObjectInfo } from './object-store.ts';
import { createPatience } from './patience.ts';
import {
  TruncatedBody,
  isMissing,
  isTransient,
  isUnsatisfiableRange,
  reasonOf,
  toStoreError,
} from './s3-errors.ts';
import type { S3Session } from './s3-session.ts';

/** What is known of an object, or undefined when there is none. */
export async function headObject(
  s3: S3Session,
  key: string,
  signal?: AbortSignal,
): Promise<ObjectInfo | undefined> {
  const command = new HeadObjectCommand({ Bucket: s3.bucket, Key: key, ChecksumMode: 'ENABLED' });
  return s3.call(
    'HeadObject',
    key,
    async () => {
      const answer = await s3.client.send(command, { abortSignal: signal }).catch(undefinedIfMissing);
      return answer && infoOf(key, answer);
    },
    signal,
  );
}

/** A small object, read whole and checked against its checksum, or undefined when there is none. */
export async function getObject(
  s3: S3Session,
  key: string,
  signal?: AbortSignal,
): Promise<{ readonly info: ObjectInfo; readonly body: Buffer } | undefined> {
  const command = new GetObjectCommand({ Bucket: s3.bucket, Key: key, ChecksumMode: 'ENABLED' });
  return s3.call(
    'GetObject',
    key,
    async () => {
      const answer = await s3.client.send(command, { abortSignal: signal }).catch(undefinedIfMissing);
      if (!answer) return undefined;
      const body = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
      return { info: infoOf(key, answer), body };
    },
    signal,
  );
}

function undefinedIfMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

function infoOf(key: string, answer: Omit<HeadObjectCommandOutput, 'ArchiveStatus'>): ObjectInfo {
  const { ContentLength = 0, ETag = '', LastModified = new Date(0), ContentType, Metadata } = answer;
  const whole = answer.ChecksumType !== 'COMPOSITE' && answer.ChecksumSHA256;
  return {
    key,
    sizeBytes: ContentLength,
    etag: ETag,
    lastModified: LastModified,
    metadata: Metadata ?? {},
    ...(ContentType === undefined ? {} : { contentType: ContentType }),
    ...(whole ? { sha256: Buffer.from(whole, 'base64').toString('hex') } : {}),
  };
}

interface OpenBody {
  readonly chunks: Readable;
  readonly etag: string;
  /** Bytes from here to the object's end. */
  readonly restBytes: number;
}

/**
 * Streams an object from byte `start`. Where the connection breaks, goes silent or ends early, the rest is asked for
 * again by range, of the same version of the object only. Undefined when there is none.
 */
export async function openStream(
  s3: S3Session,
  key: string,
  options: { readonly start?: number; readonly signal?: AbortSignal } = {},
): Promise<Readable | undefined> {
  const { start = 0, signal } = options;
  const stop = new AbortController();
  const stopSignal = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const first = await openBody(s3, key, { start, signal: stopSignal });
  if (!first) return undefined;
  const chunks = continuedChunks(s3, key, { first, start, signal: stopSignal });
  return new Readable({
    read() {
      chunks.next().then(
        ({ value }) => this.push(value ?? null),
        (error: unknown) => this.destroy(error as Error),
      );
    },
    destroy(error, done) {
      stop.abort();
      // The generator closes its body once the pending read is over, which the abort brings about.
      chunks.return(undefined).catch(() => undefined);
      done(error);
    },
  });
}

async function* continuedChunks(
  s3: S3Session,
  key: string,
  from: { readonly first: OpenBody; readonly start: number; readonly signal: AbortSignal },
): AsyncGenerator<Buffer, undefined> {
  const { first, start, signal } = from;
  const end = start + first.restBytes;
  const patience = createPatience({ budgetMs: s3.limits.patienceMs, isTransient, signal });
  let position = start;
  let body: OpenBody | undefined = first;
  let waitingSince = performance.now();
  while (position < end) {
    try {
      body ??= await openBody(s3, key, { start: position, etag: first.etag, signal });
      if (!body) throw new TruncatedBody(position, end);
      for await (const chunk of body.chunks as AsyncIterable<Buffer>) {
        position += chunk.length;
        patience.reset();
        s3.outages.answered(waitingSince);
        yield chunk;
        waitingSince = performance.now();
      }
      if (position < end) throw new TruncatedBody(position, end);
    } catch (error) {
      body?.chunks.destroy();
      body = undefined;
      if (isTransient(error)) s3.outages.failed(reasonOf(error), waitingSince);
      try {
        await patience.wait(error);
      } catch (final) {
        signal.throwIfAborted();
        throw toStoreError(final, { operation: 'GetObject', bucket: s3.bucket, key });
      }
    }
  }
  return undefined;
}

async function openBody(
  s3: S3Session,
  key: string,
  options: { readonly start: number; readonly etag?: string; readonly signal: AbortSignal },
): Promise<OpenBody | undefined> {
  const { start, etag, signal } = options;
  const command = {
    Bucket: s3.bucket,
    Key: key,
    ...(start > 0 ? { Range: `bytes=${start}-` } : {}),
    ...(etag ? { IfMatch: etag } : {}),
  };
  return s3.call(
    'GetObject',
    key,
    async () => {
      try {
        const answer = await s3.client.send(new GetObjectCommand(command), { abortSignal: signal });
        const chunks = answer.Body as Readable;
        // An error between two reads must not be an unhandled one; the next read sees it.
        chunks.on('error', () => undefined);
        return { chunks, etag: answer.ETag ?? '', restBytes: answer.ContentLength ?? 0 };
      } catch (error) {
        if (isMissing(error)) return undefined;
        if (isUnsatisfiableRange(error)) return { chunks: Readable.from([]), etag: '', restBytes: 0 };
        throw error;
      }
    },
    signal,
  );
}
