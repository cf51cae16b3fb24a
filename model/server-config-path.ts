import { join, resolve } from 'node:path';

/** What the server's configuration is called in a state directory. */
export const SERVER_CONFIG_FILE = 'slipway.config.yml';

/** The path of the server's configuration, whether or not anything is there: `SLIPWAY_CONFIG`, else the one in the state directory. */
export function serverConfigPath(stateDirectory: string, env: NodeJS.ProcessEnv): string {
  return resolve(env['SLIPWAY_CONFIG'] || join(stateDirectory, SERVER_CONFIG_FILE));
}
