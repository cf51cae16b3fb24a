import { join } from 'node:path';

/** Where the processes of one state directory keep context hashes for one another. */
export function contextHashesDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'cache', 'context-hashes');
}
