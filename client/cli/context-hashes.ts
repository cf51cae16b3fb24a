import type { ContextHashCache } from '../../images/context-hash-cache.ts';
import { stateDirectory } from '../../workers/connections.ts';
import { contextHashesOf } from '../../workers/context-hashes.ts';

/** The context hashes of the state directory that serves whoever stands here. */
export function contextHashes(env: NodeJS.ProcessEnv): ContextHashCache {
  return contextHashesOf(stateDirectory(env));
}
