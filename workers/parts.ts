import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { CredentialsFile } from '../docker/registry/credentials-file.ts';
import type { Level } from '../model/pure/ids.ts';
import type { Connections } from '../model/schema/connections.ts';
import type { SecretSource } from '../model/secret-source.ts';
import type { GitSource } from '../source/git-source.ts';
import { createGitSource } from '../source/git-source.ts';
import { PlanCache } from '../steps/plan-cache.ts';
import { openStore } from '../store/open-store.ts';
import type { OpenStore } from '../store/open-store.ts';
import { onlyGranted } from './secret-sources.ts';
import { findServerConfig } from './server-config.ts';

/** What every worker of one process shares. */
export interface Parts {
  readonly connections: Connections;
  readonly level: Level;
  readonly store: OpenStore;
  readonly source: GitSource;
  readonly plans: PlanCache;
  /** Names this process to people: in claims, records and Temporal. */
  readonly worker: string;
  /** Which Slipway it is, where that is known. */
  readonly version?: string | undefined;
  readonly logger: Logger;
  /** Values of secrets for tasks. */
  readonly secrets: SecretSource;
  /** Credentials for the registries that images are pulled from. */
  readonly credentials?: CredentialsFile | undefined;
  close(): void;
}

export function openParts(
  connections: Connections,
  level: Level,
  {
    logger,
    secrets,
    credentials,
    version,
    gitConfig,
  }: Pick<Parts, 'logger' | 'secrets' | 'credentials' | 'version'> & {
    /** A file of git configuration, with credentials for the repositories. */
    readonly gitConfig?: string | undefined;
  },
): Parts {
  const store = openStore(connections.store, {
    onAway: (reason) => logger.warn({ reason }, 'The store is away; work that needs it waits'),
    onBack: ({ ms, reason }) => logger.info({ ms, reason }, 'The store is back'),
  });
  const source = createGitSource({
    mirrorsDirectory: join(connections.stateDirectory, 'mirrors'),
    stateDirectory: connections.stateDirectory,
    allowFile: true,
    configFile: gitConfig,
  });
  const worker = `${hostname()}/${process.pid}`;
  return {
    connections,
    level,
    store,
    source,
    plans: new PlanCache(store),
    worker,
    version,
    logger,
    secrets: onlyGranted(secrets, () => findServerConfig(connections.serverConfig)),
    credentials,
    close: () => store.close(),
  };
}
