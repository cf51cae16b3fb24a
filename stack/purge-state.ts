import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { STATE_IGNORE } from '../model/make-state-directory.ts';
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
  await removeUnedited(paths.serverConfig, FIRST_SERVER_CONFIG);
  // What stays is not to be committed either.
  const left = await readdir(paths.root).catch(() => []);
  if (left.length === 1) await removeUnedited(join(paths.root, STATE_IGNORE.name), STATE_IGNORE.text);
  // Only when nothing is left in it.
  await rmdir(paths.root).catch(() => undefined);
}

async function removeUnedited(path: string, text: string): Promise<void> {
  const found = await readFile(path, 'utf8').catch(() => undefined);
  if (found === text) await rm(path, { force: true });
}
