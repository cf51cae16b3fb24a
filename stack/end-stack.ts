import { rm } from 'node:fs/promises';
import { LABEL } from '../docker/labels.ts';
import { EngineAccess } from './engine-access.ts';
import { engineNetwork, removeEngineNetwork } from './engine-network.ts';
import { widePath } from './find-program.ts';
import { privateEngineAddress, sweepPrivateEngine } from './private-engine.ts';
import type { Settings } from './settings.ts';
import type { StatePaths } from './state-directory.ts';

/** What ending a stack did; everything counts once. */
export interface StopReport {
  /** Names of the processes that ran and were ended, workers first. */
  readonly processes: readonly string[];
  readonly containers: number;
  /** Sentences about what could not be removed. */
  readonly trouble: readonly string[];
  readonly purged: boolean;
}

export interface EndOptions {
  readonly settings: Settings | undefined;
  /** Address of the engine that the stack used, as far as it is known. */
  readonly engine: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** End the workers and the services; each gives the names of those that ran. */
  readonly endWorkers: () => Promise<readonly string[]>;
  readonly endServices: () => Promise<readonly string[]>;
}

const ENGINE_TIMEOUT_MS = 5_000;

/**
 * Ends a stack in the order in which its parts need each other: workers, then containers, then services, then what the
 * services leave behind. Nothing stops it half-way: trouble is collected. Data stays.
 */
export async function endStack(paths: StatePaths, options: EndOptions): Promise<Omit<StopReport, 'purged'>> {
  const trouble: string[] = [];
  const attempt = async <T>(what: string, work: () => Promise<T>, otherwise: T): Promise<T> =>
    work().catch((error: unknown) => {
      trouble.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return otherwise;
    });
  const workers = await attempt('workers', options.endWorkers, []);
  const containers = await attempt('containers', () => removeContainers(paths, options), 0);
  const services = await attempt('services', options.endServices, []);
  if (process.platform === 'linux') {
    await attempt('engine', () => sweepPrivateEngine(paths), undefined);
    await attempt('network', () => removeNetwork(paths, options), undefined);
  }
  for (const path of [paths.connections, paths.levels]) await rm(path, { recursive: true, force: true });
  await attempt('sockets', () => rm(paths.runtime, { recursive: true, force: true }), undefined);
  return { processes: [...workers, ...services], containers, trouble };
}

/** In an engine of our own everything is ours, in another one what carries this installation's name. */
async function removeContainers(paths: StatePaths, { engine, settings }: EndOptions): Promise<number> {
  if (engine === undefined || settings === undefined) return 0;
  const isPrivate = engine === privateEngineAddress(paths);
  const access = new EngineAccess(engine);
  const answers = await access.version(ENGINE_TIMEOUT_MS).catch(() => undefined);
  if (answers === undefined && isPrivate) return 0;
  return access.removeEverything(isPrivate ? undefined : `${LABEL.fleet}=${settings.fleet}`);
}

async function removeNetwork(paths: StatePaths, { settings, env }: EndOptions): Promise<void> {
  if (settings?.engineOctet === undefined) return;
  await removeEngineNetwork(engineNetwork(paths, settings.engineOctet), {
    env: { ...env, PATH: widePath(env) },
  });
}
