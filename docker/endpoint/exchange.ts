import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BlobStore } from '../../model/blob-store.ts';
import { DIGEST_PATTERN } from '../../model/pure/ids.ts';
import type { Digest } from '../../model/pure/ids.ts';
import { Refusal } from './refusal.ts';
import { PullTransfer, PushTransfer, REPOSITORY } from './transfer.ts';
import type { OpenTransfer } from './transfer.ts';

/** One request with what it is answered from. */
export interface Exchange<T extends OpenTransfer = OpenTransfer> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly transfer: T;
  readonly blobs: BlobStore;
}

/** The exchange of a transfer that takes in. @throws {Refusal} for a pull's credential. */
export function asPush(exchange: Exchange): Exchange<PushTransfer> {
  if (!(exchange.transfer instanceof PushTransfer)) throw wrongDirection('push');
  return exchange as Exchange<PushTransfer>;
}

/** The exchange of a transfer that gives out. @throws {Refusal} for a push's credential. */
export function asPull(exchange: Exchange): Exchange<PullTransfer> {
  if (!(exchange.transfer instanceof PullTransfer)) throw wrongDirection('pull');
  return exchange as Exchange<PullTransfer>;
}

export function toDigest(text: string | null | undefined): Digest {
  if (!text || !DIGEST_PATTERN.test(text))
    throw new Refusal(400, 'DIGEST_INVALID', 'a sha256 digest is needed');
  return text as Digest;
}

/** Locations are relative: right behind a forwarder, and both engines follow them. */
export function blobLocation(digest: Digest): string {
  return `/v2/${REPOSITORY}/blobs/${digest}`;
}

export function uploadLocation(id: string): string {
  return `/v2/${REPOSITORY}/blobs/uploads/${id}`;
}

/** Answers without a body, or with a short one. */
export function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
  body: Buffer | string = '',
): void {
  response.writeHead(status, { 'Content-Length': Buffer.byteLength(body), ...headers });
  response.end(body);
}

function wrongDirection(needed: string): Refusal {
  return new Refusal(403, 'DENIED', `this credential is not for a ${needed}`);
}
