import type { ServerConfig } from '../../model/schema/config.ts';
import type { OpenStore } from '../../store/open-store.ts';
import type { Session } from './session.ts';

export interface FoundStore {
  /** Undefined when no store answers. */
  readonly store: OpenStore | undefined;
  /** Why there is none. */
  readonly why?: string;
  readonly config: ServerConfig;
}

const PATIENCE_MS = 2_000;

/** The store of the running stack if there is one that answers, for verbs that can do without. */
export async function findStore({ env }: Pick<Session, 'env'>): Promise<FoundStore> {
  const { findConfig } = await import('./find-config.ts');
  const { connections, config } = await findConfig({ env });
  if (!connections) return { store: undefined, why: 'no stack runs', config };
  const { endpoint } = connections.store;
  if (endpoint !== undefined && !(await answers(endpoint)))
    return { store: undefined, why: `${endpoint} does not answer`, config };
  const { openStore } = await import('../../store/open-store.ts');
  return { store: openStore(connections.store), config };
}

/** Whatever it says: only a server that is away is to be found out, without the store's long patience. */
async function answers(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(PATIENCE_MS) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
