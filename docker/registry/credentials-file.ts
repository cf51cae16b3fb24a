import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where credentials for registries are: a `config.json` as docker's clients have it. */
export interface CredentialsFile {
  readonly path: string;
  /** The login that somebody has for docker itself: taken where it is of use. Else it was named, and what is wrong with it is an error. */
  readonly isOwn?: boolean;
}

/** The file that the environment names: the only one that workers know. */
export function namedCredentials(env: NodeJS.ProcessEnv): CredentialsFile | undefined {
  const named = env['SLIPWAY_DOCKER_CONFIG'];
  return named ? { path: resolve(named) } : undefined;
}

/** The same for somebody who works as himself: where none is named, the one of docker's own login. */
export function ownCredentials(env: NodeJS.ProcessEnv): CredentialsFile {
  const directory = env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker');
  return namedCredentials(env) ?? { path: resolve(directory, 'config.json'), isOwn: true };
}

/** In words, for messages. */
export function nameOfFile({ path, isOwn }: CredentialsFile): string {
  return isOwn ? path : `${path} (SLIPWAY_DOCKER_CONFIG)`;
}
