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
import { givenConnections } from '../../../workers/connections.ts';
import { findServerConfig } from '../../../workers/server-config.ts';
import { count } from '../render/quantities.ts';
import { pushedLevels, servedLevels } from '../served-levels.ts';
import { lookAtPushes } from './look-at-pushes.ts';
import { lookAtRoom } from './look-at-room.ts';
import { lookAtStored } from './look-at-stored.ts';
import { lookAtTemporal } from './look-at-temporal.ts';

export interface DiagnoseOptions {
  readonly stateDirectory: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Looks at every part of the stack of a state directory, or else of the installation that the environment names: whether each part really
 * answers and can do what it must. Where there is neither, whether `up` can get what it needs. Changes nothing and never throws for what it finds.
 */
export async function diagnose({ stateDirectory, env }: DiagnoseOptions): Promise<readonly Diagnosis[]> {
  const paths = statePaths(stateDirectory);
  const found = await findParts(paths, env);
  const isByHand = found.parts === 'given';
  const configuration = await lookAtConfiguration(paths, env, isByHand);
  return [
    ...(await lookAtMachine(paths.root, env)),
    configuration.diagnosis,
    ...(await lookAtCredentials(env)),
    ...(found.broken ? [found.broken] : [await lookAtStack(paths, found.parts)]),
    ...(found.connections
      ? await lookAtServices(found.connections, { paths, env, isByHand, ...configuration })
      : await lookWithoutStack(paths, env)),
    ...(await lookAtProcesses(paths)),
  ];
}

interface ServicesToLookAt {
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  /** Whether the environment names the parts, and workers are run by hand, here or elsewhere; else `up` runs them all here. */
  readonly isByHand: boolean;
  readonly levels: readonly Level[];
  readonly dindLevels: readonly Level[];
}

async function lookAtServices(
  connections: Connections,
  options: ServicesToLookAt,
): Promise<readonly Diagnosis[]> {
  const { paths, env, isByHand, levels, dindLevels } = options;
  const { temporal, store, runnerEngine, builderEngine, sidecarImage } = connections;
  const todo = isByHand ? ofGivenParts(connections) : ofOurParts(paths);
  const mayLack = isByHand && !env['SLIPWAY_DOCKER_HOST'] && !env['DOCKER_HOST'];
  const engines = { ...connections, isByHand };
  const [ofTemporal, ofStore, ofEngine] = await Promise.all([
    lookAtTemporal({ temporal, todo: todo.temporal, levels, dindLevels, isByHand }),
    lookAtStore(store, { todo: todo.store, madeBy: isByHand ? 'others' : 'up' }),
    lookAtEngine({ address: runnerEngine, paths, env, todo: todo.engine, mayLack }),
  ]);
  // One that may lack is well too where there is none, but has no version.
  const engineAnswers = ofEngine.some(({ part, ok, version }) => part === 'engine' && ok && version);
  const hasPrivate = dindLevels.length > 0 && (sidecarImage !== undefined || !isByHand);
  return [
    ...ofTemporal.diagnoses,
    ofStore,
    ...(ofStore.ok ? await lookInsideStore(store) : []),
    ...ofEngine,
    ...(engineAnswers || builderEngine ? [await lookAtBuilds(engines)] : []),
    ...(engineAnswers && hasPrivate ? [await lookAtPrivateEngines(engines, dindLevels)] : []),
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

/** What to do when a part does not answer. */
type Todo = Readonly<Record<'temporal' | 'store' | 'engine', string>>;

function ofOurParts({ logs }: StatePaths): Todo {
  const lookInto = (name: string): string =>
    `Look into ${logs}/${name}.log, then type: slipway down && slipway up`;
  return { temporal: lookInto('temporal'), store: lookInto('s3'), engine: lookInto('docker') };
}

function ofGivenParts({ store }: Connections): Todo {
  return {
    temporal:
      'Start the server that TEMPORAL_ADDRESS names; if another is meant, mend that, or what TEMPORAL_TLS_… name',
    store:
      store.endpoint === undefined
        ? 'See that AWS S3 can be reached from here; another server is named by SLIPWAY_S3_ENDPOINT'
        : 'Start the server that SLIPWAY_S3_ENDPOINT names, or name another',
    engine: 'Start it, or name another by SLIPWAY_DOCKER_HOST',
  };
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
  const temporal = whatIsGiven(env);
  const todo = 'Start the server that TEMPORAL_ADDRESS names, or unset it to have one started';
  const [given, parts] = await Promise.all([
    temporal ? lookAtTemporal({ temporal, todo, levels: undefined }) : undefined,
    lookForParts(paths, env),
  ]);
  return [...(given?.diagnoses ?? []), ...parts];
}

/** The Temporal server that the environment names; none where it says that wrongly, which is told as such. */
function whatIsGiven(env: NodeJS.ProcessEnv): Connections['temporal'] | undefined {
  try {
    return givenTemporal(env);
  } catch {
    return undefined;
  }
}

interface FoundParts {
  readonly connections?: Connections;
  /** Who says how to reach them: an `up` has recorded it, or the environment names them. */
  readonly parts?: 'recorded' | 'given';
  /** Why that cannot be read. */
  readonly broken?: Diagnosis;
}

/** `stack.json` may be broken by hand, and so may the environment. */
async function findParts(paths: StatePaths, env: NodeJS.ProcessEnv): Promise<FoundParts> {
  try {
    const recorded = await findStack(paths.root);
    if (recorded) return { connections: recorded, parts: 'recorded' };
  } catch (error) {
    const todo = 'Type: slipway down && slipway up';
    return { broken: { part: 'stack', ok: false, where: paths.connections, message: textOf(error), todo } };
  }
  try {
    const given = givenConnections(env, paths.root);
    return given ? { connections: given, parts: 'given' } : {};
  } catch (error) {
    const todo = 'Mend the variables; docs/configuration.md has them all';
    return { broken: { part: 'environment', ok: false, message: textOf(error), todo } };
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Who is what, and the levels that pushes can have. */
async function lookAtConfiguration(
  paths: StatePaths,
  env: NodeJS.ProcessEnv,
  isByHand: boolean,
): Promise<{
  readonly diagnosis: Diagnosis;
  readonly levels: readonly Level[];
  /** On which some project may have private engines. */
  readonly dindLevels: readonly Level[];
}> {
  const where = serverConfigPath(paths.root, env);
  const levelsOf = isByHand ? pushedLevels : servedLevels;
  let levels = levelsOf(undefined);
  let dindLevels: readonly Level[] = [];
  const diagnosis = await diagnosed('configuration', `Mend ${where}`, async () => {
    const config = await findServerConfig(where).catch((error: Error) => {
      throw new Ailment(shownBeside(where, error.message), `Mend ${where}`, { where });
    });
    if (!config && env['SLIPWAY_CONFIG']) throw new Ailment('is not there', `Mend ${where}`, { where });
    if (!config && isByHand)
      return { where, message: 'is not there; without it only local repositories can be pushed, at level 1' };
    if (!config) return { where, message: 'is written by the first up' };
    const { projects, localProjects } = config;
    dindLevels = LEVELS.filter((level) => grantsDind(config, level));
    levels = levelsOf(config);
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
