import type { ContextHashCache } from '../../images/context-hash-cache.ts';
import { createContextHashCache } from '../../images/context-hash-cache.ts';
import { stateDirectory } from '../../workers/connections.ts';
import { contextHashesDirectory } from '../../workers/context-hashes-directory.ts';

/** The context hashes that the processes of this state directory keep for one another. */
export function contextHashes(env: NodeJS.ProcessEnv): ContextHashCache {
  return createContextHashCache(contextHashesDirectory(stateDirectory(env)));
}
