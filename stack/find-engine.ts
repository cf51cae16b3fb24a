import { SetupFailed } from '../model/errors.ts';
import { EngineAccess } from './engine-access.ts';

const HOST_SOCKET = 'unix:///var/run/docker.sock';
const ANSWER_TIMEOUT_MS = 5_000;

export interface FoundEngine {
  readonly address: string;
  readonly version: string;
  /** What named it. */
  readonly source: 'SLIPWAY_DOCKER_HOST' | 'DOCKER_HOST' | 'the host';
}

/**
 * The engine that the environment names or that the host runs; undefined when a private one is needed.
 * @throws {SetupFailed} when the environment names one that does not answer: nobody wants another one silently.
 */
export async function findEngine(env: NodeJS.ProcessEnv): Promise<FoundEngine | undefined> {
  for (const source of ['SLIPWAY_DOCKER_HOST', 'DOCKER_HOST'] as const) {
    const address = env[source];
    if (!address) continue;
    try {
      return { address, source, version: await versionOf(address) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new SetupFailed(
        `Docker Engine at ${address} (${source}) cannot be used`,
        why,
        `Start it, or unset ${source}`,
        { cause: error },
      );
    }
  }
  const version = await versionOf(HOST_SOCKET).catch(() => undefined);
  return version === undefined ? undefined : { address: HOST_SOCKET, source: 'the host', version };
}

async function versionOf(address: string): Promise<string> {
  return new EngineAccess(address).version(ANSWER_TIMEOUT_MS);
}
