import { chmod, lstat, unlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BlobStore } from '../../model/blob-store.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { readClosure } from './closure.ts';
import { CHUNK_BYTES } from './pump.ts';
import { createRequestHandler } from './request-handler.ts';
import { PullTransfer, PushTransfer } from './transfer.ts';
import type { OpenTransfer, PushOptions, PushOutcome, Transfer } from './transfer.ts';

export type { PushOutcome, Transfer } from './transfer.ts';

const IDLE_TIMEOUT_MS = 5 * 60_000;

/** The distribution API in front of a blob store, for the engine beside it. It keeps nothing: what is not in a transfer is refused. */
export interface ImageEndpoint {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Opens a transfer that gives out the closure of one manifest. @throws {BlobNotFound} when the store lacks its manifest. */
  openPull(
    image: Pick<StoredImage, 'manifestDigest'>,
    options?: {
      readonly onError?: (error: unknown) => void;
      readonly signal?: AbortSignal;
      /** The repository's name is the credential: for readers who cannot be given one, as a build's import of layers. */
      readonly byName?: boolean;
    },
  ): Promise<Transfer>;
  /** Opens a transfer that takes in. */
  openPush(options: PushOptions): Transfer & { result(): PushOutcome };
  /** Ends all transfers and stops to listen. Safe to repeat. */
  close(): Promise<void>;
}

export interface ImageEndpointOptions {
  readonly blobs: BlobStore;
  /** Also listens there, for forwarders; only this user may connect. */
  readonly socketPath?: string;
  /** Default 0: a free one. */
  readonly port?: number;
}

/** Starts an endpoint on 127.0.0.1. */
export async function startImageEndpoint(options: ImageEndpointOptions): Promise<ImageEndpoint> {
  const { blobs, socketPath } = options;
  const transfers = new Map<string, OpenTransfer>();
  const handler = createRequestHandler(transfers, blobs);
  const servers = [await listen(handler, { host: '127.0.0.1', port: options.port ?? 0 })];
  if (socketPath) {
    try {
      servers.push(await listenOnSocket(handler, socketPath));
    } catch (error) {
      await Promise.all(servers.map(stop));
      throw error;
    }
  }

  const open = <T extends OpenTransfer>(transfer: T): T => {
    transfers.set(transfer.username, transfer);
    transfer.signal.addEventListener('abort', () => transfers.delete(transfer.username));
    return transfer;
  };

  return {
    port: (servers[0]?.address() as AddressInfo).port,
    async openPull(image, { onError, signal, byName } = {}) {
      const closure = await readClosure(blobs, image.manifestDigest as Digest, signal);
      return open(new PullTransfer(closure, { onError, byName }));
    },
    openPush: (options) => open(new PushTransfer(options)),
    async close() {
      for (const transfer of transfers.values()) transfer.close();
      await Promise.all(servers.map(stop));
    },
  };
}

function listen(
  handler: RequestListener,
  where: { host: string; port: number } | { path: string },
): Promise<Server> {
  // No `clientError` handler: modern engines try TLS first, and only Node's own HTTP 400 makes them fall back.
  const server = createServer({ highWaterMark: CHUNK_BYTES, requestTimeout: 0, keepAlive: true }, handler);
  // An upload lasts as long as the engine compresses; only silence ends it.
  server.setTimeout(IDLE_TIMEOUT_MS);
  server.keepAliveTimeout = IDLE_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => resolve(server));
  });
}

async function listenOnSocket(handler: RequestListener, path: string): Promise<Server> {
  await removeStaleSocket(path);
  const server = await listen(handler, { path });
  await chmod(path, 0o600);
  return server;
}

async function stop(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

/** A killed worker leaves its socket behind; anything that is no socket is not ours to remove. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket()) await unlink(path);
}
