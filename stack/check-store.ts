import type { Connections } from '../model/schema/connections.ts';
import { SetupFailed } from '../model/errors.ts';
import { openStore } from '../store/open-store.ts';
import { probeStore } from '../store/probe.ts';
import { isRefused } from '../store/s3-errors.ts';
import type { S3ObjectStore } from '../store/s3-object-store.ts';

/**
 * Makes the bucket if it is absent and tries out what Slipway relies on. @throws {SetupFailed} when the server does not keep it, or there
 * is no bucket and these keys may make none.
 */
export async function checkStore(connection: Connections['store'], signal: AbortSignal): Promise<void> {
  const store = openStore(connection);
  try {
    await ensureBucket(store.objects, connection);
    signal.throwIfAborted();
    const { conditionalPut, conditionalReplace, checksums } = await probeStore(store.objects);
    const lacking = [
      ...(conditionalPut ? [] : ['does not refuse If-None-Match']),
      ...(conditionalReplace ? [] : ['does not keep If-Match']),
      ...(checksums ? [] : ['does not verify checksums']),
    ];
    if (lacking.length === 0) return;
    throw new SetupFailed(
      `The store at ${connection.endpoint ?? 'the default endpoint'} cannot be used`,
      `it ${lacking.join(', ')}`,
      'Name another S3 server by SLIPWAY_S3_ENDPOINT, or none to have one started',
    );
  } finally {
    store.close();
  }
}

async function ensureBucket(
  objects: S3ObjectStore,
  { endpoint, bucket }: Connections['store'],
): Promise<void> {
  try {
    await objects.ensureBucket();
  } catch (error) {
    if (!isRefused(error)) throw error;
    throw new SetupFailed(
      `The store at ${endpoint ?? 'the default endpoint'} has no bucket ${bucket}`,
      'it lets these keys make none',
      'Let somebody make it who may, or name one that is there by SLIPWAY_S3_BUCKET',
      { cause: error },
    );
  }
}
