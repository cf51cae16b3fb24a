import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigInvalid } from '../model/errors.ts';
import { makeStateDirectory } from '../model/make-state-directory.ts';
import { SERVER_CONFIG_FILE } from '../model/server-config-path.ts';

/** Where everything of one installation lies. Only `root` and `runtime` are chosen, the rest follows. */
export interface StatePaths {
  readonly root: string;
  /** A short directory for sockets and pid files, whose paths may have only 107 bytes. */
  readonly runtime: string;
  /** Eight hex digits that stand for this directory in names of bridges and chains. */
  readonly short: string;
  readonly connections: string;
  /** The connections of each level's workers. */
  readonly levels: string;
  readonly settings: string;
  readonly processes: string;
  readonly owner: string;
  readonly serverConfig: string;
  readonly logs: string;
  readonly temporal: string;
  readonly store: string;
  readonly storeMetadata: string;
  /** Who may use the S3 server. */
  readonly storeUsers: string;
  readonly engine: string;
  readonly engineConfig: string;
}

/** The paths below a state directory; nothing is made. */
export function statePaths(stateDirectory: string): StatePaths {
  const root = resolve(stateDirectory);
  const short = createHash('sha256').update(root).digest('hex').slice(0, 8);
  return {
    root,
    short,
    // Not TMPDIR: `down` in another shell must find the same directory.
    runtime: join('/tmp', `slipway-${ownUser()}-${short}`),
    connections: join(root, 'stack.json'),
    levels: join(root, 'levels'),
    settings: join(root, 'settings.json'),
    processes: join(root, 'processes.json'),
    owner: join(root, 'up.json'),
    serverConfig: join(root, SERVER_CONFIG_FILE),
    logs: join(root, 'logs'),
    temporal: join(root, 'temporal'),
    store: join(root, 'store'),
    storeMetadata: join(root, 'store-metadata'),
    storeUsers: join(root, 'store-users'),
    engine: join(root, 'engine'),
    engineConfig: join(root, 'engine.json'),
  };
}

/** Makes the directories, readable by their owner only; in a repository git passes over them. Safe to repeat. */
export async function ensureStateDirectories(paths: StatePaths): Promise<void> {
  await makeStateDirectory(paths.root);
  for (const directory of [
    paths.runtime,
    paths.levels,
    paths.logs,
    paths.temporal,
    paths.store,
    paths.storeUsers,
  ]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
  await refuseForeign(paths.runtime);
}

/** The runtime directory lies where everyone may write: one that another user made is not used. */
async function refuseForeign(directory: string): Promise<void> {
  const found = await lstat(directory);
  if (!found.isDirectory() || found.uid !== ownUser()) {
    throw new ConfigInvalid(`${directory} belongs to another user; remove it and start again`);
  }
  await chmod(directory, 0o700);
}

/** A user in a container may have a number and no name. */
function ownUser(): number {
  return process.getuid?.() ?? 0;
}
