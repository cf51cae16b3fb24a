import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from '@temporalio/client';
import { ConfigInvalid } from '../model/errors.ts';
import type { Connections } from '../model/schema/connections.ts';

/** What the SDK connects with: files are read anew each time, since certificates are renewed. @throws {ConfigInvalid} */
export function temporalOptions({ address, apiKey, tls }: Connections['temporal']): TemporalOptions {
  return { address, ...(apiKey ? { apiKey } : {}), ...(tls ? { tls: readTls(tls) } : {}) };
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
