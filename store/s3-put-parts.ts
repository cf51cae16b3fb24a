import { createHash } from 'node:crypto';
import type { CompletedPart } from '@aws-sdk/client-s3';
import { UploadPartCommand } from '@aws-sdk/client-s3';
import { cutIntoParts } from '../model/cut-into-parts.ts';
import { DigestMismatch } from '../model/errors.ts';
import type { OpenedBody } from './body-parts.ts';
import { checkSize, wholeBody } from './body-parts.ts';
import type { PutOptions } from './object-store.ts';
import { PartBuffers } from './part-buffers.ts';
import type { OpenUpload } from './s3-multipart.ts';
import { withMultipartUpload } from './s3-multipart.ts';
import type { Written } from './s3-put.ts';
import type { S3Session } from './s3-session.ts';

/** Puts a body in parts, hashed along; the object appears only when digest and size are what was announced, if they were. */
export async function putInParts(
  s3: S3Session,
  key: string,
  opened: OpenedBody,
  options: PutOptions & { readonly sizeBytes?: number; readonly onFailure: (error: Error) => void },
): Promise<Written> {
  const hash = createHash('sha256');
  const parts: CompletedPart[] = [];
  const underWay = new Set<Promise<void>>();
  using buffers = new PartBuffers(s3.limits, s3.partBuffers);
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  return await withMultipartUpload(s3, key, options, async (upload) => {
    let failure: { readonly error: unknown } | undefined;
    const send = (number: number, part: Buffer): void => {
      const sending = sendPart(s3, upload.target, { number, part, signal })
        .then((sent) => {
          parts.push(sent);
          buffers.giveBack(part);
        })
        .catch((error: unknown) => {
          failure ??= { error };
          stop.abort();
          options.onFailure(error as Error);
        })
        .finally(() => underWay.delete(sending));
      underWay.add(sending);
    };
    let sizeBytes = 0;
    try {
      for await (const part of cutIntoParts(wholeBody(opened), () => buffers.take())) {
        sizeBytes += part.length;
        if (options.sizeBytes !== undefined && sizeBytes > options.sizeBytes) break;
        hash.update(part);
        while (underWay.size >= s3.limits.partsInFlight) await Promise.race(underWay);
        if (failure) break;
        send(parts.length + underWay.size + 1, part);
      }
    } catch (error) {
      failure ??= { error };
      stop.abort();
    }
    await Promise.all(underWay);
    if (failure) throw failure.error;
    checkSize(key, sizeBytes, options.sizeBytes);
    const sha256 = hash.digest('hex');
    if (options.sha256 !== undefined && options.sha256 !== sha256)
      throw new DigestMismatch(key, options.sha256, sha256);
    const { etag } = await upload.complete(parts, sizeBytes);
    return { etag, sizeBytes, sha256 };
  });
}

async function sendPart(
  s3: S3Session,
  target: OpenUpload['target'],
  options: { readonly number: number; readonly part: Buffer; readonly signal: AbortSignal },
): Promise<CompletedPart> {
  const { number, part, signal } = options;
  const ChecksumSHA256 = createHash('sha256').update(part).digest('base64');
  const command = { ...target, PartNumber: number, Body: part, ContentLength: part.length, ChecksumSHA256 };
  const answer = await s3.call(
    'UploadPart',
    target.Key,
    () => s3.client.send(new UploadPartCommand(command), { abortSignal: signal }),
    signal,
  );
  return { PartNumber: number, ETag: answer.ETag, ChecksumSHA256 };
}
