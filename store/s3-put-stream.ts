import { Readable, addAbortSignal } from 'node:stream';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { OpenedBody } from './body-parts.ts';
import { checkSize, openBody, wholeBody } from './body-parts.ts';
import type { PutOptions } from './object-store.ts';
import { createPatience } from './patience.ts';
import { isTransient, toStoreError } from './s3-errors.ts';
import type { Written } from './s3-put.ts';
import { putBuffer, putCommand } from './s3-put.ts';
import { putInParts } from './s3-put-parts.ts';
import type { S3Session } from './s3-session.ts';

/** Puts a stream: from memory when it is short, in one request when digest and size are known, else in parts. The body is destroyed on failure. */
export async function putStream(
  s3: S3Session,
  key: string,
  body: Readable,
  options: PutOptions & { readonly sizeBytes?: number } = {},
): Promise<Written> {
  const { signal, sizeBytes, sha256 } = options;
  if (signal) addAbortSignal(signal, body);
  try {
    const opened = await openBody(body, s3.limits.partBytes);
    if (!opened.rest) {
      checkSize(key, opened.headBytes, sizeBytes);
      return await putBuffer(s3, key, Buffer.concat(opened.head), options);
    }
    if (sizeBytes !== undefined && sha256 !== undefined && sizeBytes <= s3.limits.singleRequestMaxBytes)
      return await putInOneRequest(s3, key, opened, { ...options, sizeBytes, sha256 });
    return await putInParts(s3, key, opened, { ...options, onFailure: (error) => body.destroy(error) });
  } catch (error) {
    body.destroy();
    signal?.throwIfAborted();
    throw error;
  }
}

/**
 * The server itself checks the digest, so nothing is hashed here. The body cannot be sent twice: a try is repeated only while it
 * has not gone beyond the head, which covers a server that refuses at once (it is asked before the body) or a stale connection.
 */
async function putInOneRequest(
  s3: S3Session,
  key: string,
  opened: OpenedBody,
  options: PutOptions & { readonly sizeBytes: number; readonly sha256: string },
): Promise<Written> {
  const { sizeBytes, sha256, signal } = options;
  const place = { operation: 'PutObject', bucket: s3.bucket, key, sha256 };
  const patience = createPatience({ budgetMs: s3.limits.patienceMs, isTransient, signal });
  const source = { ...opened, restTaken: false };
  for (;;) {
    const attempt = new AbortController();
    let bodyError: unknown;
    const body = Readable.from(exactly(key, sizeBytes, headThenRest(source)), { objectMode: false });
    // The SDK pipes without looking at errors: a body that breaks or is short would be waited for for ever.
    body.on('error', (error) => {
      bodyError ??= error;
      attempt.abort();
    });
    const abortSignal = signal ? AbortSignal.any([signal, attempt.signal]) : attempt.signal;
    const command = { ...putCommand(s3, key, options), Body: body, ContentLength: sizeBytes };
    try {
      const send = () => s3.client.send(new PutObjectCommand(command), { abortSignal });
      const answer = await s3.watch('PutObject', send);
      return { etag: answer.ETag ?? '', sizeBytes, sha256 };
    } catch (error) {
      signal?.throwIfAborted();
      if (bodyError !== undefined) throw bodyError;
      if (source.restTaken) throw toStoreError(error, place);
      await patience.wait(error).catch((final: unknown) => {
        signal?.throwIfAborted();
        throw toStoreError(final, place);
      });
    } finally {
      body.destroy();
    }
  }
}

async function* headThenRest(
  source: Pick<OpenedBody, 'head' | 'rest'> & { restTaken: boolean },
): AsyncGenerator<Buffer, void> {
  yield* source.head;
  source.restTaken = true;
  source.head.length = 0;
  yield* wholeBody({ ...source, headBytes: 0 });
}

/** Holds the last bytes back until the body has ended: a server that has them all would make the object of a body that is too long. */
async function* exactly(
  key: string,
  sizeBytes: number,
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void> {
  let held: Buffer | undefined;
  let gotBytes = 0;
  for await (const chunk of chunks) {
    gotBytes += chunk.length;
    if (gotBytes > sizeBytes) break;
    if (held) yield held;
    held = chunk;
  }
  checkSize(key, gotBytes, sizeBytes);
  if (held) yield held;
}
