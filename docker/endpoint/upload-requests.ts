import type { Digest } from '../../model/pure/ids.ts';
import { confirm } from './blob-requests.ts';
import type { Exchange } from './exchange.ts';
import { blobLocation, send, toDigest, uploadLocation } from './exchange.ts';
import { Refusal } from './refusal.ts';
import type { PushTransfer } from './transfer.ts';
import { Upload } from './upload.ts';

/** Sessions that one transfer may hold: classic engines leave one behind at each retry. */
const MAX_UPLOADS = 1000;

type PushExchange = Exchange<PushTransfer>;

/** POST: a new session; or nothing to send, when the blob that shall be mounted may be confirmed; or the whole blob at once. */
export async function startUpload(exchange: PushExchange): Promise<void> {
  const { transfer, blobs, query, response, request } = exchange;
  const mounted = query.get('mount');
  if (mounted) {
    const digest = toDigest(mounted);
    if ((await confirm(exchange, digest)) !== undefined) return created(exchange, digest);
  }
  if (transfer.uploads.size >= MAX_UPLOADS)
    throw new Refusal(429, 'TOOMANYREQUESTS', 'too many uploads are open');
  const upload = new Upload(blobs, (count) => (transfer.stats.bytesIn += count));
  transfer.uploads.set(upload.id, upload);
  const digest = query.get('digest');
  if (digest && hasBody(exchange)) return await complete(exchange, upload, toDigest(digest));
  request.resume();
  send(response, 202, progress(upload));
}

/** PATCH: more bytes, with or without a length; the digest comes later. */
export async function appendUpload(exchange: PushExchange, id: string): Promise<void> {
  const upload = findUpload(exchange, id);
  const start = /^(\d+)-\d+$/.exec(exchange.request.headers['content-range'] ?? '')?.[1];
  if (start !== undefined && Number(start) !== upload.receivedBytes) {
    send(exchange.response, 416, progress(upload));
    return;
  }
  try {
    await upload.append(exchange.request);
  } catch (error) {
    if (!(error instanceof Refusal)) exchange.transfer.uploads.delete(id);
    throw error;
  }
  send(exchange.response, 202, progress(upload));
}

/** PUT: the digest, after PATCHes; or digest and the whole body, which begins at byte 0 however often it is repeated. */
export async function finishUpload(exchange: PushExchange, id: string): Promise<void> {
  const upload = findUpload(exchange, id);
  await complete(exchange, upload, toDigest(exchange.query.get('digest')));
}

/** GET: how far a session is. */
export function showUpload(exchange: PushExchange, id: string): void {
  send(exchange.response, 204, progress(findUpload(exchange, id)));
}

/** DELETE: gives a session up. */
export function cancelUpload(exchange: PushExchange, id: string): void {
  findUpload(exchange, id).abort();
  exchange.transfer.uploads.delete(id);
  send(exchange.response, 204);
}

async function complete(exchange: PushExchange, upload: Upload, digest: Digest): Promise<void> {
  const { transfer, request } = exchange;
  const appended = upload.receivedBytes > 0;
  if (appended && hasBody(exchange)) await upload.append(request);
  const stat = appended
    ? await upload.finish(digest)
    : await upload.storeWhole(request, digest, lengthOf(exchange));
  transfer.onStored?.();
  await transfer.onBlob?.(digest, stat.sizeBytes);
  transfer.uploaded.set(digest, stat.sizeBytes);
  transfer.uploads.delete(upload.id);
  created(exchange, digest);
}

function created({ request, response }: PushExchange, digest: Digest): void {
  request.resume();
  send(response, 201, { Location: blobLocation(digest), 'Docker-Content-Digest': digest });
}

function progress(upload: Upload): Record<string, string> {
  return {
    Location: uploadLocation(upload.id),
    Range: `0-${Math.max(0, upload.receivedBytes - 1)}`,
    'Docker-Upload-UUID': upload.id,
  };
}

function findUpload({ transfer }: PushExchange, id: string): Upload {
  const upload = transfer.uploads.get(id);
  if (!upload) throw new Refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'there is no such upload');
  return upload;
}

function lengthOf({ request }: PushExchange): number | undefined {
  if (request.headers['transfer-encoding']) return undefined;
  return Number(request.headers['content-length'] ?? 0);
}

function hasBody(exchange: PushExchange): boolean {
  return lengthOf(exchange) !== 0;
}
