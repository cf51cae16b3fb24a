import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from '@temporalio/client';
import { ConfigInvalid } from '../model/errors.ts';
import type { Connections } from '../model/schema/connections.ts';

/** What the SDK connects with. Files are read now: a connection keeps the certificates that it was made with, a new one has renewed ones. @throws {ConfigInvalid} */
export function temporalOptions({ address, apiKey, tls }: Connections['temporal']): TemporalOptions {
  return { address, ...(apiKey ? { apiKey } : {}), ...(tls ? { tls: readTls(tls) } : {}) };
}

/**
 * The same for connections of clients, which would go by `https_proxy` or `http_proxy` even to 127.0.0.1. Those of workers and the store
 * do not, so nobody is reached by a proxy.
 */
export function clientOptions(temporal: Connections['temporal']): ConnectionOptions {
  return { ...temporalOptions(temporal), channelArgs: { 'grpc.enable_http_proxy': 0 } };
}

/** For both kinds of connections that the SDK has. */
interface TemporalOptions {
  readonly address: string;
  readonly apiKey?: string;
  readonly tls?: TemporalTls;
}

type TemporalTls = Exclude<ConnectionOptions['tls'], boolean | null | undefined>;

function readTls({
  caFile,
  certFile,
  keyFile,
  serverName,
}: NonNullable<Connections['temporal']['tls']>): TemporalTls {
  return {
    ...(serverName ? { serverNameOverride: serverName } : {}),
    ...(caFile ? { serverRootCACertificate: read(caFile) } : {}),
    ...(certFile && keyFile ? { clientCertPair: { crt: read(certFile), key: read(keyFile) } } : {}),
  };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigInvalid(`${path}, for Temporal, cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
