import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { BlobStore } from '../../model/blob-store.ts';
import { isSlipwayError } from '../../model/errors.ts';
import { getBlob, headBlob } from './blob-requests.ts';
import type { Exchange } from './exchange.ts';
import { asPull, asPush, send, toDigest } from './exchange.ts';
import { getManifest, listReferrers, putManifest } from './manifest-requests.ts';
import { Refusal } from './refusal.ts';
import type { OpenTransfer } from './transfer.ts';
import { appendUpload, cancelUpload, finishUpload, showUpload, startUpload } from './upload-requests.ts';

type Transfers = ReadonlyMap<string, OpenTransfer>;
type Action = (exchange: Exchange, rest: string) => Promise<void> | void;

/** `<method> <kind>`: what answers it. Everything that is not here is refused. */
const ACTIONS: Readonly<Record<string, Action>> = {
  'HEAD manifests': getManifest,
  'GET manifests': getManifest,
  'PUT manifests': (exchange, reference) => putManifest(asPush(exchange), reference),
  'HEAD blobs': (exchange, digest) => headBlob(exchange, toDigest(digest)),
  'GET blobs': (exchange, digest) => getBlob(asPull(exchange), toDigest(digest)),
  'POST blobs/uploads': (exchange) => startUpload(asPush(exchange)),
  'PATCH blobs/uploads': (exchange, id) => appendUpload(asPush(exchange), id),
  'PUT blobs/uploads': (exchange, id) => finishUpload(asPush(exchange), id),
  'GET blobs/uploads': (exchange, id) => showUpload(asPush(exchange), id),
  'DELETE blobs/uploads': (exchange, id) => cancelUpload(asPush(exchange), id),
  'GET referrers': listReferrers,
};

const PATH = /^\/v2\/(.+?)\/(manifests|blobs\/uploads|blobs|referrers)\/([^/]*)$/;

/** Answers the OCI distribution API for the transfers that are open at that moment. */
export function createRequestHandler(transfers: Transfers, blobs: BlobStore): RequestListener {
  return (request, response) => {
    void answer({ request, response, transfers, blobs });
  };
}

async function answer(options: {
  request: IncomingMessage;
  response: ServerResponse;
  transfers: Transfers;
  blobs: BlobStore;
}): Promise<void> {
  const { request, response, transfers, blobs } = options;
  let transfer: OpenTransfer | undefined;
  const begunMs = performance.now();
  response.setHeader('Docker-Distribution-API-Version', 'registry/2.0');
  // An engine that hangs up while it is answered is no event for the process.
  response.on('error', () => undefined);
  try {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://endpoint.invalid');
    transfer = authenticate(request.headers.authorization, pathname, transfers);
    await route({ request, response, query, transfer, blobs }, pathname);
  } catch (error) {
    refuse(response, error, { transfer, begunMs });
  } finally {
    // What nobody wants of a body is read all the same: an engine looks at the answer only after it has sent all.
    request.resume();
  }
}

async function route(exchange: Exchange, pathname: string): Promise<void> {
  if (/^\/v2\/?$/.test(pathname))
    return send(exchange.response, 200, { 'Content-Type': 'application/json' }, '{}');
  const [, repository, kind, rest = ''] = PATH.exec(pathname.replace(/\/uploads$/, '/uploads/')) ?? [];
  if (!kind) throw new Refusal(404, 'UNSUPPORTED', 'the endpoint has no such path');
  if (repository !== exchange.transfer.repository)
    throw new Refusal(404, 'NAME_UNKNOWN', 'there is no such repository');
  const action = ACTIONS[`${exchange.request.method} ${kind}`];
  if (!action) throw new Refusal(405, 'UNSUPPORTED', 'the endpoint does not do that');
  await action(exchange, decodeURIComponent(rest));
}

function authenticate(header: string | undefined, pathname: string, transfers: Transfers): OpenTransfer {
  const [, encoded = ''] = /^Basic (.+)$/i.exec(header ?? '') ?? [];
  const [, username = '', password = ''] =
    /^([^:]*):(.*)$/.exec(Buffer.from(encoded, 'base64').toString()) ??
    // By name; that it is a transfer of that kind is seen by its repository.
    /^\/v2\/([^/]+)\/([^/]+)\/slipway\//.exec(pathname) ??
    [];
  const transfer = transfers.get(username);
  if (!transfer?.accepts(password))
    throw new Refusal(401, 'UNAUTHORIZED', 'a credential of an open transfer is needed');
  return transfer;
}

function refuse(
  response: ServerResponse,
  error: unknown,
  { transfer, begunMs }: { readonly transfer: OpenTransfer | undefined; readonly begunMs: number },
): void {
  const refusal = toRefusal(error);
  // Questions that are answered with no, and credentials still to come, are the protocol's daily work.
  if (refusal !== error || refusal.status === 400 || refusal.status === 413) transfer?.fail(error, begunMs);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const challenge: Record<string, string> =
    refusal.status === 401 ? { 'WWW-Authenticate': 'Basic realm="slipway"' } : {};
  send(response, refusal.status, { 'Content-Type': 'application/json', ...challenge }, refusal.toBody());
}

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const message = error instanceof Error ? error.message : String(error);
  const type = isSlipwayError(error) ? error.type : undefined;
  if (error instanceof URIError) return new Refusal(400, 'UNSUPPORTED', message);
  if (type === 'DigestMismatch') return new Refusal(400, 'DIGEST_INVALID', message);
  if (type === 'BlobNotFound') return new Refusal(404, 'BLOB_UNKNOWN', message);
  return new Refusal(500, 'UNKNOWN', message, { cause: error });
}
