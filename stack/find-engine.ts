import { detailOf } from '../docker/engine-errors.ts';
import { SetupFailed } from '../model/errors.ts';
import { EngineAccess } from './engine-access.ts';
import { usualEngines } from './usual-engines.ts';

const ANSWER_TIMEOUT_MS = 5_000;

export interface FoundEngine {
  readonly address: string;
  readonly version: string;
  /** What named it: a variable, or in words where it was found. */
  readonly source: string;
}

/** An engine that is there and cannot be used. */
export interface RefusingEngine {
  readonly address: string;
  readonly code: 'no-permission' | 'no-answer';
}

/**
 * The engine that the environment names or that runs at a usual place; undefined when a private one is needed.
 * @throws {SetupFailed} when the environment names one that does not answer: nobody wants another one silently.
 */
export async function findEngine(env: NodeJS.ProcessEnv): Promise<FoundEngine | undefined> {
  return (await lookForEngine(env)).found;
}

/** The same, with what was seen on the way. */
export async function lookForEngine(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly found?: FoundEngine; readonly refusing: readonly RefusingEngine[] }> {
  for (const source of ['SLIPWAY_DOCKER_HOST', 'DOCKER_HOST'] as const) {
    const address = env[source];
    if (!address) continue;
    try {
      return { found: { address, source, version: await versionOf(address) }, refusing: [] };
    } catch (error) {
      const wantsTls = Boolean(env['DOCKER_TLS_VERIFY']) && address.startsWith('tcp:');
      const tls = wantsTls ? '; DOCKER_TLS_VERIFY is set, and engines are spoken to without TLS' : '';
      throw new SetupFailed(
        `Docker Engine at ${address} (${source}) cannot be used`,
        `${detailOf(error).replace(/\.$/, '')}${tls}`,
        `Start it, or unset ${source}`,
        { cause: error },
      );
    }
  }
  const refusing: RefusingEngine[] = [];
  for (const { address, source } of await usualEngines(env)) {
    try {
      return { found: { address, source, version: await versionOf(address) }, refusing };
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EACCES') refusing.push({ address, code: 'no-permission' });
      else if (code !== 'ENOENT') refusing.push({ address, code: 'no-answer' });
    }
  }
  return { refusing };
}

/** Why no engine can be used, and what to do, for those who cannot start one of their own. */
export function explainNoEngine(refusing: readonly RefusingEngine[]): {
  readonly why: string;
  readonly todo: string;
} {
  const forbidden = refusing.find(({ code }) => code === 'no-permission');
  if (forbidden)
    return {
      why: `there is one at ${forbidden.address}, but this user may not use it`,
      todo: 'Type: sudo usermod -aG docker "$USER" and log in again, or set SLIPWAY_DOCKER_HOST to another engine',
    };
  const silent = refusing[0];
  return {
    why: silent ? `the one at ${silent.address} does not answer` : 'none is there',
    todo: 'Start Docker (or install it), or set SLIPWAY_DOCKER_HOST to an engine that runs',
  };
}

async function versionOf(address: string): Promise<string> {
  return new EngineAccess(address).version(ANSWER_TIMEOUT_MS);
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
