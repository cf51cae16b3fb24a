import { readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FIRST_SERVER_CONFIG } from './server-config.ts';
import type { StatePaths } from './state-directory.ts';

/** Directories that workers make in the state directory and can make again. */
const MADE_AGAIN = ['mirrors', 'cache'];

/** Deletes the data of an ended stack, by name and nothing else; a server configuration that somebody edited stays. */
export async function purgeState(paths: StatePaths): Promise<void> {
  const { connections, settings, processes, engineConfig } = paths;
  const { levels, logs, temporal, store, storeMetadata, storeUsers, engine } = paths;
  const files = [connections, settings, processes, engineConfig];
  const directories = [
    levels,
    logs,
    temporal,
    store,
    storeMetadata,
    storeUsers,
    engine,
    ...MADE_AGAIN.map((name) => join(paths.root, name)),
  ];
  for (const path of [...files, ...directories])
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  const config = await readFile(paths.serverConfig, 'utf8').catch(() => undefined);
  if (config === FIRST_SERVER_CONFIG) await rm(paths.serverConfig, { force: true });
  // Only when nothing is left in it.
  await rmdir(paths.root).catch(() => undefined);
}
