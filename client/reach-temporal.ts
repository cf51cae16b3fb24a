import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import { TemporalUnavailable } from '../model/errors.ts';
import type { Connections } from '../model/schema/connections.ts';

/** A server that is being started again answers within this time; a person does not wait longer. */
const PATIENCE_MS = 15_000;

/** gRPC's codes of a server that is away, or does not answer in time. */
const UNAVAILABLE = 14;
const DEADLINE_EXCEEDED = 4;

/** The Temporal server as clients need it: connected to when it is first asked, and never waited for without end. */
export interface ReachTemporal {
  /** @throws {TemporalUnavailable} when it does not answer in time. */
  use<T>(work: (clientIn: (namespace: string) => Client) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export function reachTemporal({ address }: Pick<Connections['temporal'], 'address'>): ReachTemporal {
  let connection: Connection | undefined;
  return {
    async use(work) {
      const connected = (connection ??= Connection.lazy({ address }));
      const clientIn = (namespace: string): Client => new Client({ connection: connected, namespace });
      try {
        return await connected.withDeadline(Date.now() + PATIENCE_MS, () => work(clientIn));
      } catch (error) {
        const code = codeOf(error);
        if (code !== UNAVAILABLE && code !== DEADLINE_EXCEEDED) throw error;
        const detail = `no answer within ${PATIENCE_MS / 1000} s; \`slipway doctor\` says what runs`;
        throw new TemporalUnavailable(address, detail, { cause: error });
      }
    },
    close: async () => connection?.close(),
  };
}

/** The client wraps what gRPC says into an error of its own. */
function codeOf(error: unknown): number | undefined {
  const inner = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return isGrpcServiceError(inner) ? inner.code : undefined;
}
