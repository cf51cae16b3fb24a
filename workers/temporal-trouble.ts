import { Connection, isGrpcServiceError } from '@temporalio/client';
import { ConfigInvalid } from '../model/errors.ts';
import type { Connections } from '../model/schema/connections.ts';
import { clientOptions } from './temporal-options.ts';

/** gRPC's codes. */
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const REFUSALS: readonly number[] = [/* PERMISSION_DENIED */ 7, /* UNAUTHENTICATED */ 16];

/** Why a Temporal server cannot be used. */
export interface TemporalTrouble {
  /** What is `away` may come by itself; a server that `refuses` who we are, or lacks a namespace, waits for somebody who mends it. */
  readonly kind: 'away' | 'refuses' | 'lacks namespace';
  /** In the words of the server, or of the connection to it. */
  readonly reason: string;
}

/**
 * Asks a server once whether it lets us use a namespace; undefined: it does.
 * @throws {ConfigInvalid} when an address is none, or a certificate cannot be read.
 */
export async function findTemporalTrouble(
  temporal: Connections['temporal'],
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<TemporalTrouble | undefined> {
  const connection = openForOneAnswer(temporal);
  const { namespace } = temporal;
  // The SDK listens for ever: a signal of its own goes with what is asked.
  const ending = new AbortController();
  const end = (): void => ending.abort();
  signal?.addEventListener('abort', end);
  try {
    await connection.withAbortSignal(ending.signal, () =>
      connection.withDeadline(Date.now() + timeoutMs, () =>
        connection.workflowService.describeNamespace({ namespace }),
      ),
    );
    return undefined;
  } catch (error) {
    return troubleOf(error);
  } finally {
    signal?.removeEventListener('abort', end);
    await connection.close();
  }
}

/**
 * Repeated, a request would end by the time that this takes, which hides why; so does what another connection of this process has found
 * out, which gRPC shares.
 */
function openForOneAnswer(temporal: Connections['temporal']): Connection {
  const options = clientOptions(temporal);
  const channelArgs = { ...options.channelArgs, 'grpc.use_local_subchannel_pool': 1 };
  try {
    return Connection.lazy({ ...options, interceptors: [], channelArgs });
  } catch (error) {
    const { message } = error as Error;
    throw new ConfigInvalid(
      `Temporal cannot be reached at ${temporal.address} (TEMPORAL_ADDRESS, TEMPORAL_TLS_…): ${message}`,
      { cause: error },
    );
  }
}

/** What somebody types who makes a namespace that is lacking. */
export function makeNamespaceCommand({
  address,
  namespace,
}: Pick<Connections['temporal'], 'address' | 'namespace'>): string {
  return `temporal operator namespace create --address ${address} --namespace ${namespace} --retention 168h`;
}

/** What an error of the SDK says about the server. */
export function troubleOf(error: unknown): TemporalTrouble {
  const inner = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (!isGrpcServiceError(inner))
    return { kind: 'away', reason: firstLine(error instanceof Error ? error.message : String(error)) };
  const reason = firstLine(inner.details);
  if (inner.code === NOT_FOUND) return { kind: 'lacks namespace', reason };
  if (REFUSALS.includes(inner.code)) return { kind: 'refuses', reason };
  return { kind: 'away', reason: inner.code === DEADLINE_EXCEEDED ? 'no answer in time' : reason };
}

/** Without what gRPC puts around the reason of a connection that could not be had, its time among it. */
function firstLine(text: string): string {
  const [line = ''] = text.trim().split('\n');
  return line
    .replace(/^No connection established\. Last error: (Error: )?/, '')
    .replace(/\.? Resolution note:.*$/, '')
    .replace(/ \(\d{4}-\d\d-\d\dT[^)]*\)$/, '');
}
