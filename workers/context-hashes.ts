import { join } from 'node:path';
import type { ContextHashCache } from '../images/context-hash-cache.ts';
import { createContextHashCache } from '../images/context-hash-cache.ts';

/** The context hashes that the processes of a state directory keep for one another. */
export function contextHashesOf(stateDirectory: string): ContextHashCache {
  return createContextHashCache(join(stateDirectory, 'cache', 'context-hashes'), { stateDirectory });
}
