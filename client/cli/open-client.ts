import type { Connections } from '../../model/schema/connections.ts';
import type { ServerConfig } from '../../model/schema/config.ts';
import type { SlipwayApi } from '../api.ts';
import type { Session } from './session.ts';

export interface OpenClient {
  readonly api: SlipwayApi;
  readonly connections: Connections;
  readonly config: ServerConfig;
}

/** Does something with the running stack and lets go of it afterwards. @throws {StackUnavailable} when none runs. */
export async function withClient<T>(
  { env }: Pick<Session, 'env'>,
  use: (client: OpenClient) => Promise<T>,
): Promise<T> {
  const { readConnections } = await import('../../workers/connections.ts');
  const connections = await readConnections(env);
  const [{ readServerConfig }, { openApi }, { projectsHere }] = await Promise.all([
    import('../../workers/server-config.ts'),
    import('../temporal-api.ts'),
    import('./projects-here.ts'),
  ]);
  const config = await readServerConfig(connections.serverConfig);
  const api = await openApi(connections, config, { ownProjects: () => projectsHere(config) });
  try {
    return await use({ api, connections, config });
  } finally {
    await api.close();
  }
}
