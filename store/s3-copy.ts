import type { CompletedPart } from '@aws-sdk/client-s3';
import { CopyObjectCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3';
import { StoreUnavailable } from '../model/errors.ts';
import type { CopyOptions, ObjectInfo } from './object-store.ts';
import { withMultipartUpload } from './s3-multipart.ts';
import { headObject } from './s3-read.ts';
import type { S3Session } from './s3-session.ts';

/** Copies inside the store: in one request where it is small enough for one, else by ranges. */
export async function copyObject(
  s3: S3Session,
  from: string,
  to: string,
  options: CopyOptions = {},
): Promise<void> {
  const source = await headObject(s3, from, options.signal);
  if (!source) throw new StoreUnavailable('CopyObject', s3.bucket, from, 'there is no such object');
  if (source.sizeBytes > s3.limits.singleRequestMaxBytes) return copyInParts(s3, source, to, options);
  const { contentType, metadata, signal } = options;
  const replaces = contentType !== undefined || metadata !== undefined;
  const command = new CopyObjectCommand({
    Bucket: s3.bucket,
    Key: to,
    CopySource: copySource(s3, from),
    CopySourceIfMatch: source.etag,
    // The server reads the bytes anyway: let it keep the digest of the whole, which a multipart upload lacks.
    ChecksumAlgorithm: 'SHA256',
    ...(replaces
      ? { MetadataDirective: 'REPLACE' as const, Metadata: metadata, ContentType: contentType }
      : {}),
  });
  await s3.call('CopyObject', to, () => s3.patientClient.send(command, { abortSignal: signal }), signal);
}

async function copyInParts(
  s3: S3Session,
  source: ObjectInfo,
  to: string,
  options: CopyOptions,
): Promise<void> {
  const { signal } = options;
  const replaces = options.contentType !== undefined || options.metadata !== undefined;
  await withMultipartUpload(
    s3,
    to,
    replaces ? options : { ...source, signal, onlyIf: undefined },
    async (upload) => {
      const parts: CompletedPart[] = [];
      const partBytes = s3.limits.singleRequestMaxBytes;
      for (let start = 0; start < source.sizeBytes; start += partBytes) {
        const end = Math.min(start + partBytes, source.sizeBytes) - 1;
        const number = parts.length + 1;
        const command = new UploadPartCopyCommand({
          ...upload.target,
          PartNumber: number,
          CopySource: copySource(s3, source.key),
          CopySourceIfMatch: source.etag,
          CopySourceRange: `bytes=${start}-${end}`,
        });
        const send = () => s3.patientClient.send(command, { abortSignal: signal });
        const { CopyPartResult } = await s3.call('UploadPartCopy', to, send, signal);
        parts.push({
          PartNumber: number,
          ETag: CopyPartResult?.ETag,
          ChecksumSHA256: CopyPartResult?.ChecksumSHA256,
        });
      }
      await upload.complete(parts, source.sizeBytes);
    },
  );
}

function copySource(s3: S3Session, key: string): string {
  return `${s3.bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}
