import type { Connections } from '../../model/schema/connections.ts';
import type { ServerConfig } from '../../model/schema/config.ts';
import { printable } from '../../model/printable.ts';
import type { SlipwayApi } from '../api.ts';
import type { NewestPush } from '../names.ts';
import type { Session } from './session.ts';

export interface OpenClient {
  readonly api: SlipwayApi;
  readonly connections: Connections;
  readonly config: ServerConfig;
}

/**
 * Does something with the running stack and lets go of it afterwards. A push that is meant though nobody named it is told aside, unless it
 * is one of what is checked out. @throws {StackUnavailable} when none runs.
 */
export async function withClient<T>(
  { env, terminal }: Pick<Session, 'env'> & Partial<Pick<Session, 'terminal'>>,
  use: (client: OpenClient) => Promise<T>,
): Promise<T> {
  const { readConnections } = await import('../../workers/connections.ts');
  const connections = await readConnections(env);
  const [{ readServerConfig }, { openApi }, { projectsHere, revisionHere }] = await Promise.all([
    import('../../workers/server-config.ts'),
    import('../temporal-api.ts'),
    import('./projects-here.ts'),
  ]);
  const config = await readServerConfig(connections.serverConfig);
  const api = await openApi(connections, config, {
    ownProjects: () => projectsHere(config),
    checkedOut: revisionHere,
    onNewest: (push) => terminal?.note(describeNewest(push)),
  });
  try {
    return await use({ api, connections, config });
  } finally {
    await api.close();
  }
}

function describeNewest({ pushId, pushedBy }: NewestPush): string {
  const by = pushedBy === undefined ? '' : `, pushed by ${printable(pushedBy)}`;
  return `slipway: the newest push is meant, ${pushId}${by}: none is named, and there is none of what is checked out here`;
}
