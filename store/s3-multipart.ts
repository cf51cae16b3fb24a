import type {
  CompletedPart,
  ListMultipartUploadsCommandInput,
  ListMultipartUploadsCommandOutput,
} from '@aws-sdk/client-s3';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
} from '@aws-sdk/client-s3';
import { isOfLayout } from './keys.ts';
import type { PutOptions } from './object-store.ts';
import { isRefused, isMissingUpload } from './s3-errors.ts';
import type { S3Session } from './s3-session.ts';

export interface OpenUpload {
  readonly target: { readonly Bucket: string; readonly Key: string; readonly UploadId: string };
  /** Makes the object of these parts appear. */
  complete(parts: readonly CompletedPart[], sizeBytes: number): Promise<{ readonly etag: string }>;
}

/**
 * Opens a multipart upload for `fill`, which sends the parts and completes it. When `fill` throws, the upload is taken back and nothing
 * appears. Our own and not lib-storage's: that one reads the whole body on after a part has failed, does not cancel
 * requests under way, and cannot check what it sent before it completes.
 */
export async function withMultipartUpload<T>(
  s3: S3Session,
  key: string,
  options: PutOptions,
  fill: (upload: OpenUpload) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  const opened = await s3.call(
    'CreateMultipartUpload',
    key,
    () =>
      s3.client.send(
        new CreateMultipartUploadCommand({
          Bucket: s3.bucket,
          Key: key,
          ChecksumAlgorithm: 'SHA256',
          ContentType: options.contentType,
          Metadata: options.metadata,
        }),
        { abortSignal: signal },
      ),
    signal,
  );
  const target = { Bucket: s3.bucket, Key: key, UploadId: opened.UploadId ?? '' };
  try {
    return await fill({
      target,
      complete: (parts, sizeBytes) => complete(s3, target, { parts, sizeBytes, ...options }),
    });
  } catch (error) {
    await takeBack(s3, target);
    throw error;
  }
}

async function complete(
  s3: S3Session,
  target: OpenUpload['target'],
  options: PutOptions & { readonly parts: readonly CompletedPart[]; readonly sizeBytes: number },
): Promise<{ etag: string }> {
  const { parts, sizeBytes, onlyIf, signal } = options;
  const command = new CompleteMultipartUploadCommand({
    ...target,
    MultipartUpload: { Parts: parts.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0)) },
    ...(onlyIf === 'absent' ? { IfNoneMatch: '*' } : onlyIf ? { IfMatch: onlyIf.etag } : {}),
  });
  return s3.call(
    'CompleteMultipartUpload',
    target.Key,
    async (tries) => {
      try {
        const answer = await s3.patientClient.send(command, { abortSignal: signal });
        return { etag: answer.ETag ?? '' };
      } catch (error) {
        // The answer to an earlier try was lost on its way.
        if (tries === 1 || !isMissingUpload(error)) throw error;
        const { Bucket, Key } = target;
        const head = await s3.client.send(new HeadObjectCommand({ Bucket, Key }), { abortSignal: signal });
        if (head.ContentLength !== sizeBytes) throw error;
        return { etag: head.ETag ?? '' };
      }
    },
    signal,
  );
}

/** Without a signal: a cancelled upload is taken back too. What this misses is swept by age. */
async function takeBack(s3: S3Session, target: OpenUpload['target']): Promise<void> {
  await s3.client.send(new AbortMultipartUploadCommand(target)).catch(() => undefined);
}

/** Takes every upload of the store's layout back that was begun before a moment, or counts them; whoever began it is dead, or has given it up. */
export async function abortUploads(
  s3: S3Session,
  begunBefore: Date,
  { signal, onlyCount = false }: { readonly signal?: AbortSignal | undefined; readonly onlyCount?: boolean },
): Promise<number> {
  let aborted = 0;
  let after: Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'> | undefined = {};
  while (after) {
    const command = new ListMultipartUploadsCommand({ Bucket: s3.bucket, ...after });
    const send = () => s3.client.send(command, { abortSignal: signal });
    const page: ListMultipartUploadsCommandOutput = await s3.call('ListMultipartUploads', '', send, signal);
    for (const { Key = '', UploadId, Initiated } of page.Uploads ?? []) {
      if (!isOfLayout(Key) || !Initiated || Initiated >= begunBefore) continue;
      if (onlyCount || (await abortOne(s3, { Bucket: s3.bucket, Key, UploadId }, signal))) aborted += 1;
    }
    after = page.IsTruncated
      ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
      : undefined;
  }
  return aborted;
}

async function abortOne(
  s3: S3Session,
  upload: {
    readonly Bucket: string;
    readonly Key: string;
    readonly UploadId: string | undefined;
  },
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const command = new AbortMultipartUploadCommand(upload);
  const send = async (): Promise<boolean> => {
    try {
      await s3.client.send(command, { abortSignal: signal });
      return true;
    } catch (error) {
      // Ended meanwhile, or another level's: its own sweeper may.
      if (isMissingUpload(error) || isRefused(error)) return false;
      throw error;
    }
  };
  return s3.call('AbortMultipartUpload', upload.Key, send, signal);
}
