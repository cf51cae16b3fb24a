import { DIGEST_PATTERN } from '../../model/pure/ids.ts';
import type { Digest } from '../../model/pure/ids.ts';
import { digestOf } from './closure.ts';
import type { StoredManifest } from './closure.ts';
import type { Exchange } from './exchange.ts';
import { send } from './exchange.ts';
import { MANIFEST_MAX_BYTES, MEDIA_TYPES, parseManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { Refusal } from './refusal.ts';
import { PullTransfer, PushTransfer, REPOSITORY } from './transfer.ts';
import type { OpenTransfer } from './transfer.ts';

const TAG_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** HEAD and GET of a manifest by tag or digest: of the pulled image, or of what this push has put. */
export function getManifest({ request, response, transfer }: Exchange, reference: string): void {
  const found = findManifest(transfer, reference);
  if (!found)
    throw new Refusal(404, 'MANIFEST_UNKNOWN', `manifest ${reference} is not part of this transfer`);
  const { digest, stored } = found;
  const headers = {
    'Content-Type': stored.manifest.mediaType,
    'Content-Length': stored.bytes.length,
    'Docker-Content-Digest': digest,
  };
  send(response, 200, headers, request.method === 'HEAD' ? '' : stored.bytes);
}

/** PUT of a manifest: kept byte for byte, and only when everything that it names was sent in this push or confirmed to it. */
export async function putManifest(exchange: Exchange<PushTransfer>, reference: string): Promise<void> {
  const { request, response, transfer, blobs } = exchange;
  const bytes = await readBody(exchange);
  const digest = digestOf(bytes);
  if (DIGEST_PATTERN.test(reference) ? reference !== digest : !TAG_PATTERN.test(reference))
    throw new Refusal(400, 'DIGEST_INVALID', `the manifest has the digest ${digest}, not ${reference}`);
  const manifest = parse(bytes, request.headers['content-type']);
  refuseStrangers(transfer, manifest);
  await blobs.write(digest, bytes.length, bytes, transfer.signal);
  transfer.onStored?.();
  transfer.manifests.set(digest, { bytes, manifest });
  transfer.references.set(reference, digest);
  send(response, 201, {
    Location: `/v2/${REPOSITORY}/manifests/${digest}`,
    'Docker-Content-Digest': digest,
  });
}

/** Nothing refers to our images: an empty index, as the specification asks. */
export function listReferrers({ response }: Exchange): void {
  const body = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [] });
  send(response, 200, { 'Content-Type': MEDIA_TYPES.ociIndex }, body);
}

function findManifest(
  transfer: OpenTransfer,
  reference: string,
): { digest: Digest; stored: StoredManifest } | undefined {
  const known = transfer instanceof PullTransfer ? transfer.closure.manifests : pushed(transfer);
  const digest = resolve(transfer, reference);
  const stored = digest && known?.get(digest);
  return digest && stored ? { digest, stored } : undefined;
}

function pushed(transfer: OpenTransfer): ReadonlyMap<Digest, StoredManifest> | undefined {
  return transfer instanceof PushTransfer ? transfer.manifests : undefined;
}

function resolve(transfer: OpenTransfer, reference: string): Digest | undefined {
  if (DIGEST_PATTERN.test(reference)) return reference as Digest;
  if (transfer instanceof PushTransfer) return transfer.references.get(reference);
  if (transfer instanceof PullTransfer && reference === transfer.tag) return transfer.closure.root;
  return undefined;
}

function parse(bytes: Buffer, contentType: string | undefined): Manifest {
  try {
    return parseManifest(bytes, contentType);
  } catch (cause) {
    throw new Refusal(400, 'MANIFEST_INVALID', (cause as Error).message, { cause });
  }
}

function refuseStrangers(transfer: PushTransfer, manifest: Manifest): void {
  const parts = manifest.kind === 'image' ? [manifest.config, ...manifest.layers] : manifest.manifests;
  for (const part of parts) {
    const sizeBytes =
      manifest.kind === 'image'
        ? transfer.sizeOf(part.digest)
        : transfer.manifests.get(part.digest)?.bytes.length;
    if (sizeBytes === undefined)
      throw new Refusal(400, 'MANIFEST_BLOB_UNKNOWN', `${part.digest} was not sent in this transfer`);
    if (sizeBytes !== part.size)
      throw new Refusal(400, 'SIZE_INVALID', `${part.digest} has ${sizeBytes} bytes, not ${part.size}`);
  }
}

async function readBody({ request }: Exchange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    sizeBytes += (chunk as Buffer).length;
    if (sizeBytes > MANIFEST_MAX_BYTES)
      throw new Refusal(413, 'SIZE_INVALID', `a manifest has at most ${MANIFEST_MAX_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
