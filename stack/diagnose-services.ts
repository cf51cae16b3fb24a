import type { Connections } from '../model/schema/connections.ts';
import { canConnect } from './can-connect.ts';
import { checkStore } from './check-store.ts';
import { diagnosed } from './diagnosis.ts';
import type { Diagnosis } from './diagnosis.ts';
import { EngineAccess } from './engine-access.ts';
import { engineNetwork, isNetworkComplete } from './engine-network.ts';
import { widePath } from './find-program.ts';
import { findGoTool } from './go-tool.ts';
import { privateEngineAddress } from './private-engine.ts';
import { findSettings } from './settings.ts';
import type { StatePaths } from './state-directory.ts';
import { checkTemporal } from './temporal-server.ts';
import { TEMPORAL_TOOL } from './temporal-tool.ts';

const TIMEOUT_MS = 5_000;

export interface DiagnoseOptions {
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
}

/** Asks every service of a started stack whether it answers and can do what it must. */
export async function diagnoseServices(
  connections: Connections,
  options: DiagnoseOptions,
): Promise<readonly Diagnosis[]> {
  const { paths } = options;
  const lookInto = (name: string): string =>
    `Look into ${paths.logs}/${name}.log, then type: slipway down && slipway up`;
  return Promise.all([
    diagnosed('temporal', lookInto('temporal'), () => lookAtTemporal(connections.temporal, options)),
    diagnosed('s3', lookInto('s3'), async () => {
      await checkStore(connections.store, AbortSignal.timeout(30_000), { makeBucket: false });
      return {
        where: connections.store.endpoint,
        message: 'answers, keeps conditions and verifies checksums',
      };
    }),
    diagnosed('engine', lookInto('docker'), () => lookAtEngine(connections.runnerEngine, options)),
    ...(connections.sidecarImage
      ? [
          diagnosed('sidecar image', 'Type: slipway down && slipway up', () =>
            lookAtImage(connections, connections.sidecarImage ?? ''),
          ),
        ]
      : []),
  ]);
}

async function lookAtTemporal(
  temporal: Connections['temporal'],
  { env }: DiagnoseOptions,
): Promise<Omit<Diagnosis, 'part' | 'ok'>> {
  const signal = AbortSignal.timeout(15_000);
  const program = await findGoTool(TEMPORAL_TOOL, { env, signal });
  if (program) await checkTemporal(program, temporal, { env, signal });
  else if (!(await canConnect(temporal.address, TIMEOUT_MS)))
    throw new Error(`${temporal.address} accepts no connection`);
  return {
    where: temporal.address,
    message: `answers; its pages are at ${temporal.uiUrl ?? 'an address of its own'}`,
  };
}

async function lookAtEngine(
  address: string,
  { paths, env }: DiagnoseOptions,
): Promise<Omit<Diagnosis, 'part' | 'ok'>> {
  const version = await new EngineAccess(address).version(TIMEOUT_MS);
  if (address !== privateEngineAddress(paths)) return { version, where: address, message: 'answers' };
  const settings = await findSettings(paths);
  const network =
    settings?.engineOctet === undefined ? undefined : engineNetwork(paths, settings.engineOctet);
  if (!network || !(await isNetworkComplete(network, { env: { ...env, PATH: widePath(env) } }))) {
    throw new Error(
      'it answers, but its bridge or its firewall rules are gone (was the firewall loaded anew?)',
    );
  }
  return { version, where: address, message: 'the private engine answers' };
}

async function lookAtImage(connections: Connections, tag: string): Promise<Omit<Diagnosis, 'part' | 'ok'>> {
  if (!(await new EngineAccess(connections.runnerEngine).hasImage(tag)))
    throw new Error(`${tag} is not in the engine`);
  return { where: tag, message: 'is in the engine' };
}
