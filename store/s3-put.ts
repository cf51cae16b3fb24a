import { createHash } from 'node:crypto';
import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { DigestMismatch, isSlipwayError } from '../model/errors.ts';
import type { PutOptions } from './object-store.ts';
import { getObject } from './s3-read.ts';
import type { S3Session } from './s3-session.ts';

export interface Written {
  readonly etag: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Puts bytes that are in memory; every try sends them anew. */
export async function putBuffer(
  s3: S3Session,
  key: string,
  body: Buffer,
  options: PutOptions = {},
): Promise<Written> {
  const { signal } = options;
  const sha256 = createHash('sha256').update(body).digest('hex');
  if (options.sha256 !== undefined && options.sha256 !== sha256)
    throw new DigestMismatch(key, options.sha256, sha256);
  const command = { ...putCommand(s3, key, { ...options, sha256 }), Body: body, ContentLength: body.length };
  let repeated = false;
  try {
    const answer = await s3.call(
      'PutObject',
      key,
      (tries) => {
        repeated = tries > 1;
        return s3.client.send(new PutObjectCommand(command), { abortSignal: signal });
      },
      signal,
    );
    return { etag: answer.ETag ?? '', sizeBytes: body.length, sha256 };
  } catch (error) {
    if (!repeated || !(isSlipwayError(error) && error.type === 'WriteConflict')) throw error;
    const etag = await findOwnBytes(s3, key, body, signal);
    if (etag === undefined) throw error;
    return { etag, sizeBytes: body.length, sha256 };
  }
}

/** The parts of a PutObject request that do not depend on where its bytes come from. */
export function putCommand(s3: S3Session, key: string, options: PutOptions): PutObjectCommandInput {
  const { onlyIf, contentType, metadata, sha256 } = options;
  return {
    Bucket: s3.bucket,
    Key: key,
    ContentType: contentType,
    Metadata: metadata,
    ...(sha256 === undefined ? {} : { ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64') }),
    ...(onlyIf === 'absent' ? { IfNoneMatch: '*' } : onlyIf ? { IfMatch: onlyIf.etag } : {}),
  };
}
/** A conditional write whose first answer was lost finds its own object when it is repeated. */
async function findOwnBytes(
  s3: S3Session,
  key: string,
  body: Buffer,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const there = await getObject(s3, key, signal);
  return there?.body.equals(body) ? there.info.etag : undefined;
}
