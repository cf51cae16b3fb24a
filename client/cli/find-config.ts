import type { Connections } from '../../model/schema/connections.ts';
import type { ServerConfig } from '../../model/schema/config.ts';
import type { Session } from './session.ts';

export interface FoundConfig {
  /** Of the stack that runs; undefined when none does. */
  readonly connections: Connections | undefined;
  readonly config: ServerConfig;
}

/**
 * Who is what here: by the running stack's configuration, else by the one that the next would read; another user's says nothing.
 * @throws {ConfigInvalid}
 */
export async function findConfig({ env }: Pick<Session, 'env'>): Promise<FoundConfig> {
  const { readConnections, stateDirectory } = await import('../../workers/connections.ts');
  const { isForeign } = await import('../../workers/foreign-directory.ts');
  const { readServerConfig } = await import('../../workers/server-config.ts');
  const { serverConfigSchema } = await import('../../model/schema/config.ts');
  const { isSlipwayError } = await import('../../model/errors.ts');
  const { serverConfigPath } = await import('../../model/server-config-path.ts');
  let connections: Connections | undefined;
  try {
    connections = await readConnections(env);
  } catch (error) {
    if (!isSlipwayError(error)) throw error;
  }
  const directory = stateDirectory(env);
  const path = connections?.serverConfig ?? serverConfigPath(directory, env);
  if (!connections && !env.SLIPWAY_CONFIG && isForeign(directory))
    return { connections, config: serverConfigSchema.parse({ version: 1 }) };
  return { connections, config: await readServerConfig(path) };
}
