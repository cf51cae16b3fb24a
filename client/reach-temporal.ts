import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import { ConfigInvalid, TemporalUnavailable } from '../model/errors.ts';
import type { Level } from '../model/pure/ids.ts';
import type { Connections } from '../model/schema/connections.ts';
import { namespaceOf } from '../model/schema/connections.ts';
import { clientOptions } from '../workers/temporal-options.ts';
import { troubleOf } from '../workers/temporal-trouble.ts';

/** A server that is being started again answers within this time; a person does not wait longer. */
const PATIENCE_MS = 15_000;

/** gRPC's codes of a server that is away, or does not answer in time. */
const UNAVAILABLE = 14;
const DEADLINE_EXCEEDED = 4;

export type AskTemporal = <T>(level: Level, work: (client: Client) => Promise<T>) => Promise<T>;

/** The Temporal server as clients need it: connected to when it is first asked, and never waited for without end. */
export interface ReachTemporal {
  /**
   * Workflows of a level are in that level's namespace. What `work` does counts against the time, so it asks the server alone.
   * @throws {TemporalUnavailable} when it does not answer in time. @throws {ConfigInvalid} when it refuses who we are.
   */
  ask: AskTemporal;
  close(): Promise<void>;
}

export function reachTemporal(temporal: Connections['temporal']): ReachTemporal {
  const { address } = temporal;
  let connection: Connection | undefined;
  return {
    async ask(level, work) {
      const connected = (connection ??= Connection.lazy(clientOptions(temporal)));
      const client = new Client({ connection: connected, namespace: namespaceOf(temporal, level) });
      try {
        return await connected.withDeadline(Date.now() + PATIENCE_MS, () => work(client));
      } catch (error) {
        const { kind, reason } = troubleOf(error);
        if (kind === 'refuses')
          throw new ConfigInvalid(
            `Temporal at ${address} refuses who we are: ${reason.replace(/\.$/, '')}. Set TEMPORAL_API_KEY, or what TEMPORAL_TLS_… name, to credentials that hold`,
            { cause: error },
          );
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
