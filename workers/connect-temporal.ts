import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { ConfigInvalid, TemporalUnavailable } from '../model/errors.ts';
import type { Connections } from '../model/schema/connections.ts';
import { clientOptions, temporalOptions } from './temporal-options.ts';
import type { TemporalTrouble } from './temporal-trouble.ts';
import { findTemporalTrouble, makeNamespaceCommand, troubleOf } from './temporal-trouble.ts';

const TIMEOUT_MS = 10_000;
const TRY_AGAIN_MS = 2_000;

export interface TemporalConnections {
  /** What workers poll by. */
  readonly worker: NativeConnection;
  /** What activities and schedules ask by. */
  readonly client: Connection;
}

/**
 * Connects to Temporal; one that is away is waited for, since machines do not start in an order, and certificates are read anew at each
 * try. Undefined when the signal comes first.
 * @throws {ConfigInvalid} when the server refuses who we are or lacks the namespace: that waits for somebody who mends it.
 */
export async function connectTemporal(
  temporal: Connections['temporal'],
  { logger, signal, tryAgainMs = TRY_AGAIN_MS }: ConnectOptions,
): Promise<TemporalConnections | undefined> {
  const told = new Set<string>();
  while (!signal.aborted) {
    const tried = await tryToConnect(temporal, signal);
    if ('worker' in tried) {
      if (told.size > 0) logger.info('Temporal answers');
      return tried;
    }
    if (signal.aborted) break;
    if (!told.has(tried.reason)) {
      const error = new TemporalUnavailable(temporal.address, tried.reason);
      logger.warn({ error }, 'The workers wait for Temporal; if it is elsewhere, mend TEMPORAL_ADDRESS');
    }
    told.add(tried.reason);
    await delay(tryAgainMs, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

interface ConnectOptions {
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly signal: AbortSignal;
  readonly tryAgainMs?: number;
}

async function tryToConnect(
  temporal: Connections['temporal'],
  signal: AbortSignal,
): Promise<TemporalConnections | TemporalTrouble> {
  const trouble = await findTemporalTrouble(temporal, { timeoutMs: TIMEOUT_MS, signal });
  if (trouble) return expectToPass(trouble, temporal);
  try {
    const worker = await NativeConnection.connect(temporalOptions(temporal));
    return { worker, client: Connection.lazy(clientOptions(temporal)) };
  } catch (error) {
    // It answered a moment ago.
    return expectToPass(troubleOf(error), temporal);
  }
}

/** @throws {ConfigInvalid} when it does not pass by itself. */
function expectToPass(
  trouble: TemporalTrouble,
  { address, namespace }: Connections['temporal'],
): TemporalTrouble {
  switch (trouble.kind) {
    case 'away':
      return trouble;
    case 'refuses':
      throw new ConfigInvalid(
        `Temporal at ${address} refuses this worker: ${trouble.reason.replace(/\.$/, '')}. Give it credentials that hold (TEMPORAL_API_KEY, TEMPORAL_TLS_…)`,
      );
    case 'lacks namespace':
      throw new ConfigInvalid(
        `Temporal at ${address} has no namespace ${namespace}. Mend TEMPORAL_NAMESPACE or SLIPWAY_NAMESPACE_…, or make it: ${makeNamespaceCommand({ address, namespace })}`,
      );
  }
}
