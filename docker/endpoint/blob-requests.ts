import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BlobNotFound, DigestMismatch } from '../../model/errors.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { Exchange } from './exchange.ts';
import { send } from './exchange.ts';
import { CHUNK_BYTES } from './pump.ts';
import { Refusal } from './refusal.ts';
import { PushTransfer } from './transfer.ts';
import type { PullTransfer } from './transfer.ts';

const OPAQUE = 'application/octet-stream';

/** HEAD of a blob: on a push the question "must I send it?", on a pull "how large is it?". */
export async function headBlob(exchange: Exchange, digest: Digest): Promise<void> {
  const { transfer, response } = exchange;
  const sizeBytes =
    transfer instanceof PushTransfer
      ? await confirm(exchange as Exchange<PushTransfer>, digest)
      : await findServed(exchange as Exchange<PullTransfer>, digest);
  if (sizeBytes === undefined) throw unknownBlob(digest);
  send(response, 200, { ...headers(digest), 'Content-Length': sizeBytes });
}

/** Size of a blob that this push need not send: sent in it before, or allowed to be confirmed and in the store. */
export async function confirm(
  { transfer, blobs }: Exchange<PushTransfer>,
  digest: Digest,
): Promise<number | undefined> {
  const uploaded = transfer.uploaded.get(digest);
  if (uploaded !== undefined) return uploaded;
  // The question is put before the store is asked: else the time of the answer would tell what the store has.
  if (!(await transfer.mayConfirm(digest))) return undefined;
  const stat = await blobs.claim(digest, transfer.signal);
  if (!stat) return undefined;
  transfer.onStored?.();
  transfer.confirmed.set(digest, stat.sizeBytes);
  return stat.sizeBytes;
}

/** GET of a blob, whole or from a byte on. The body is never encoded: its bytes are its digest. */
export async function getBlob(exchange: Exchange<PullTransfer>, digest: Digest): Promise<void> {
  const { request, response, transfer, blobs } = exchange;
  const totalBytes = transfer.closure.blobs.get(digest);
  if (totalBytes === undefined) throw unknownBlob(digest);
  const range = parseRange(request.headers.range, totalBytes);
  const lengthBytes = range ? range.end - range.start + 1 : totalBytes;

  const body = await blobs.read(digest, { start: range?.start ?? 0, signal: transfer.signal });
  // It is read only in a moment: a transfer that ends until then must not end the process.
  body.on('error', () => undefined);
  response.writeHead(range ? 206 : 200, {
    ...headers(digest),
    'Content-Length': lengthBytes,
    ...(range ? { 'Content-Range': `bytes ${range.start}-${range.end}/${totalBytes}` } : {}),
  });
  const counted = Readable.from(
    take(body, { digest, lengthBytes }, (count) => (transfer.stats.bytesOut += count)),
    { objectMode: false, highWaterMark: CHUNK_BYTES },
  );
  try {
    await pipeline(counted, response);
  } catch (error) {
    // An engine that hangs up has its reasons; only trouble on our side is an error of the transfer.
    if (body.errored) transfer.fail(body.errored);
    else if (error instanceof DigestMismatch) transfer.fail(error);
    response.destroy();
  } finally {
    body.destroy();
  }
}

async function findServed(
  { transfer, blobs }: Exchange<PullTransfer>,
  digest: Digest,
): Promise<number | undefined> {
  if (!transfer.closure.blobs.has(digest)) return undefined;
  const stat = await blobs.stat(digest, transfer.signal);
  if (!stat) throw new BlobNotFound(digest);
  return stat.sizeBytes;
}

function headers(digest: Digest): Record<string, string> {
  return { 'Content-Type': OPAQUE, 'Docker-Content-Digest': digest, 'Accept-Ranges': 'bytes' };
}

function unknownBlob(digest: Digest): Refusal {
  return new Refusal(404, 'BLOB_UNKNOWN', `blob ${digest} is not part of this transfer`);
}

function parseRange(
  header: string | undefined,
  totalBytes: number,
): { start: number; end: number } | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? [];
  // Other forms may be ignored: the whole is always a right answer.
  if (first === undefined) return undefined;
  const start = Number(first);
  const end = last ? Math.min(Number(last), totalBytes - 1) : totalBytes - 1;
  if (start >= totalBytes || end < start)
    throw new Refusal(416, 'SIZE_INVALID', 'the range is outside the blob');
  return { start, end };
}

async function* take(
  body: Readable,
  { digest, lengthBytes }: { readonly digest: Digest; readonly lengthBytes: number },
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer> {
  let left = lengthBytes;
  if (left === 0) return;
  for await (const chunk of body) {
    const part = (chunk as Buffer).subarray(0, left);
    left -= part.length;
    onBytes(part.length);
    yield part;
    if (left === 0) return;
  }
  throw new DigestMismatch(`Blob ${digest} in the store`, digest, `${left} bytes less`);
}
