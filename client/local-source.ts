import { join } from 'node:path';
import type { GitSource } from '../source/git-source.ts';
import { createGitSource } from '../source/git-source.ts';
import { stateDirectory } from '../workers/connections.ts';

/** Repositories as verbs read them that need no worker: mirrors of those elsewhere lie in the state directory. */
export function localSource(env: NodeJS.ProcessEnv): GitSource {
  const directory = stateDirectory(env);
  return createGitSource({
    mirrorsDirectory: join(directory, 'mirrors'),
    stateDirectory: directory,
    allowFile: true,
    configFile: env.SLIPWAY_GIT_CONFIG || undefined,
  });
}
