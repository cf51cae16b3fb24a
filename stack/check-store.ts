import type { Connections } from '../model/schema/connections.ts';
import { SetupFailed } from '../model/errors.ts';
import { openStore } from '../store/open-store.ts';
import { probeStore } from '../store/probe.ts';

/** Makes the bucket if it is absent (clients may not) and tries out what Slipway relies on. @throws {SetupFailed} when the server does not keep it. */
export async function checkStore(
  connection: Connections['store'],
  signal: AbortSignal,
  { makeBucket = true }: { readonly makeBucket?: boolean } = {},
): Promise<void> {
  const store = openStore(connection);
  try {
    if (makeBucket) await store.objects.ensureBucket();
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
