import type { Level } from '../../../model/pure/ids.ts';
import { LEVELS } from '../../../model/pure/ids.ts';
import { grantsDind } from '../../../model/schema/config.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import type { Diagnosis } from '../../../model/schema/diagnosis.ts';
import { serverConfigPath } from '../../../model/server-config-path.ts';
import { Ailment, diagnosed } from '../../../stack/doctor/diagnosed.ts';
import { lookAtBuilds, lookAtPrivateEngines } from '../../../stack/doctor/look-at-builds.ts';
import { lookAtClocks } from '../../../stack/doctor/look-at-clocks.ts';
import { lookAtCredentials } from '../../../stack/doctor/look-at-credentials.ts';
import { lookAtEngine } from '../../../stack/doctor/look-at-engine.ts';
import { lookAtMachine } from '../../../stack/doctor/look-at-machine.ts';
import { lookAtProcesses, lookAtStack } from '../../../stack/doctor/look-at-stack.ts';
import { lookAtStore, storeTime } from '../../../stack/doctor/look-at-store.ts';
import { lookForParts } from '../../../stack/doctor/look-for-parts.ts';
import { EngineAccess } from '../../../stack/engine-access.ts';
import { findStack } from '../../../stack/find-stack.ts';
import { openStore } from '../../../store/open-store.ts';
import { statePaths } from '../../../stack/state-directory.ts';
import type { StatePaths } from '../../../stack/state-directory.ts';
import { givenTemporal } from '../../../model/schema/connections.ts';
import { findServerConfig } from '../../../workers/server-config.ts';
import { count } from '../render/quantities.ts';
import { servedLevels } from '../served-levels.ts';
import { lookAtPushes } from './look-at-pushes.ts';
import { lookAtRoom } from './look-at-room.ts';
import { lookAtStored } from './look-at-stored.ts';
import { lookAtTemporal } from './look-at-temporal.ts';

export interface DiagnoseOptions {
  readonly stateDirectory: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Looks at every part of the stack of a state directory: when it runs, whether each part really answers and can do what it must;
 * when it does not, whether `up` can get what it needs. Changes nothing and never throws for what it finds.
 */
export async function diagnose({ stateDirectory, env }: DiagnoseOptions): Promise<readonly Diagnosis[]> {
  const paths = statePaths(stateDirectory);
  const configuration = await lookAtConfiguration(paths, env);
  const record = await readRecord(paths);
  return [
    ...(await lookAtMachine(paths.root, env)),
    configuration.diagnosis,
    ...(await lookAtCredentials(env)),
    ...(record.broken ? [record.broken] : [await lookAtStack(paths, record.connections !== undefined)]),
    ...(record.connections
      ? await lookAtServices(record.connections, { paths, env, ...configuration })
      : await lookWithoutStack(paths, env)),
    ...(await lookAtProcesses(paths)),
  ];
}

async function lookAtServices(
  connections: Connections,
  {
    paths,
    env,
    levels,
    dindLevels,
  }: {
    readonly paths: StatePaths;
    readonly env: NodeJS.ProcessEnv;
    readonly levels: readonly Level[];
    readonly dindLevels: readonly Level[];
  },
): Promise<readonly Diagnosis[]> {
  const lookInto = (name: string): string =>
    `Look into ${paths.logs}/${name}.log, then type: slipway down && slipway up`;
  const { temporal, store, runnerEngine } = connections;
  const [ofTemporal, ofStore, ofEngine] = await Promise.all([
    lookAtTemporal({ temporal, todo: lookInto('temporal'), levels, dindLevels }),
    lookAtStore(store, { todo: lookInto('s3'), mayLackBucket: false }),
    lookAtEngine({ address: runnerEngine, paths, env, todo: lookInto('docker') }),
  ]);
  const engineAnswers = ofEngine.every(({ part, ok }) => ok || part !== 'engine');
  return [
    ...ofTemporal.diagnoses,
    ofStore,
    ...(ofStore.ok ? await lookInsideStore(store) : []),
    ...ofEngine,
    ...(engineAnswers || connections.builderEngine ? [await lookAtBuilds(connections)] : []),
    ...(engineAnswers && dindLevels.length > 0 ? [await lookAtPrivateEngines(connections, dindLevels)] : []),
    ...(engineAnswers ? await lookAtRoom(connections) : []),
    ...(await lookAtClocks([
      { of: 'Temporal', aheadMs: ofTemporal.aheadMs },
      { of: 'the store', read: () => storeTime(store) },
      ...(engineAnswers
        ? [{ of: 'the engine', read: async () => (await new EngineAccess(runnerEngine).facts()).time }]
        : []),
    ])),
  ];
}

async function lookInsideStore(connection: Connections['store']): Promise<readonly Diagnosis[]> {
  const store = openStore(connection);
  try {
    return await Promise.all([lookAtStored(store), lookAtPushes(store)]);
  } finally {
    store.close();
  }
}

async function lookWithoutStack(paths: StatePaths, env: NodeJS.ProcessEnv): Promise<readonly Diagnosis[]> {
  const temporal = givenTemporal(env);
  const todo = 'Start the server that TEMPORAL_ADDRESS names, or unset it to have one started';
  const [given, parts] = await Promise.all([
    temporal ? lookAtTemporal({ temporal, todo, levels: undefined }) : undefined,
    lookForParts(paths, env),
  ]);
  return [...(given?.diagnoses ?? []), ...parts];
}

/** `stack.json` may be broken by hand. */
async function readRecord(
  paths: StatePaths,
): Promise<{ readonly connections?: Connections; readonly broken?: Diagnosis }> {
  try {
    const connections = await findStack(paths.root);
    return connections ? { connections } : {};
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const todo = 'Type: slipway down && slipway up';
    return { broken: { part: 'stack', ok: false, where: paths.connections, message, todo } };
  }
}

/** Who is what, and the levels that pushes can have. */
async function lookAtConfiguration(
  paths: StatePaths,
  env: NodeJS.ProcessEnv,
): Promise<{
  readonly diagnosis: Diagnosis;
  readonly levels: readonly Level[];
  /** On which some project may have private engines. */
  readonly dindLevels: readonly Level[];
}> {
  const where = serverConfigPath(paths.root, env);
  let levels = servedLevels(undefined);
  let dindLevels: readonly Level[] = [];
  const diagnosis = await diagnosed('configuration', `Mend ${where}`, async () => {
    const config = await findServerConfig(where).catch((error: Error) => {
      throw new Ailment(shownBeside(where, error.message), `Mend ${where}`, { where });
    });
    if (!config && env['SLIPWAY_CONFIG']) throw new Ailment('is not there', `Mend ${where}`, { where });
    if (!config) return { where, message: 'is written by the first up' };
    const { projects, localProjects } = config;
    dindLevels = LEVELS.filter((level) => grantsDind(config, level));
    levels = servedLevels(config);
    const names = `names ${count(Object.keys(projects).length, 'project')}`;
    return { where, message: localProjects ? `${names}; other local repositories have level 1` : names };
  });
  return { diagnosis, levels, dindLevels };
}

/** In one line, without the path that it begins with. */
function shownBeside(where: string, message: string): string {
  const why = message.startsWith(where) ? message.slice(where.length).replace(/^:/, '') : message;
  return why.trim().replaceAll(/\s*\n\s*/g, ' ');
}
