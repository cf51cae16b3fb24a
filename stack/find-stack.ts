import { connectionsSchema } from '../model/schema/connections.ts';
import type { Connections } from '../model/schema/connections.ts';
import { readJsonFile } from './json-file.ts';
import { statePaths } from './state-directory.ts';

/** How to reach the stack that `up` started in a state directory; undefined when none was started or it was stopped. */
export async function findStack(stateDirectory: string): Promise<Connections | undefined> {
  return readJsonFile<Connections>(statePaths(stateDirectory).connections, connectionsSchema);
}
