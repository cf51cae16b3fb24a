import { join } from 'node:path';
import { namedCredentials } from '../docker/registry/credentials-file.ts';
import { readDockerConfig } from '../docker/registry/read-docker-config.ts';
import { LEVELS } from '../model/pure/ids.ts';
import type { Connections } from '../model/schema/connections.ts';
import { connectionsOfLevel, givenLayers, givenMountLimit } from '../model/schema/connections.ts';
import { writeJsonFile } from './json-file.ts';
import { openContext } from './open-context.ts';
import { prepareImages } from './prepare-images.ts';
import { enterBase } from './enter-base.ts';
import { givenDiskBudget } from './given-disk-budget.ts';
import { ensureServerConfig } from './server-config.ts';
import { startProcess } from './stack-context.ts';
import type { StackContext } from './stack-context.ts';
import type { RunningStack, StackOptions, WorkerProcess } from './stack-options.ts';
import { startEngine } from './start-engine.ts';
import type { StartedEngine } from './start-engine.ts';
import { startS3 } from './start-s3.ts';
import type { StartedStore } from './start-s3.ts';
import { startTemporal } from './start-temporal.ts';
import { endContext } from './end-context.ts';
import { together } from './together.ts';
import { widePath } from './find-program.ts';

/** A worker finishes what it is doing, or saves what is left of it, before it ends. */
const WORKER_GRACE_MS = 40_000;

/** Stacks of this process, for {@link stopOwnStack}. */
const running = new Map<string, RunningStack>();

/**
 * Sets up what is missing, starts Temporal, S3 and Docker Engine side by side, waits until each really answers, enters the
 * base image into the store, writes `stack.json` and starts the workers. What was started is ended again when a part fails.
 * @throws {SetupFailed} with what is missing, why, and what to type.
 */
export async function startStack(
  options: StackOptions & { readonly workers?: readonly WorkerProcess[] },
): Promise<RunningStack> {
  const context = await openContext(options);
  const started: { engine?: StartedEngine } = {};
  try {
    const { connections, store } = await startParts(context, started);
    await writeConnections(context, connections, store);
    for (const worker of options.workers ?? []) await startWorker(context, worker);
    return announce(context, { connections, setUpStore: store.setUp }, started);
  } catch (error) {
    await endContext(context, started.engine?.address);
    throw error;
  }
}

/** Stops a stack that this process started in that directory; false when there is none. */
export async function stopOwnStack(root: string): Promise<boolean> {
  const stack = running.get(root);
  await stack?.stop();
  return stack !== undefined;
}

async function startParts(
  context: StackContext,
  started: { engine?: StartedEngine },
): Promise<{ connections: Connections; store: StartedStore }> {
  const { paths, settings, options } = context;
  const diskBudget = givenDiskBudget(options.env);
  const layers = givenLayers(options.env);
  const mountLimit = givenMountLimit(options.env);
  const credentials = namedCredentials(options.env);
  // The workers read it; what is wrong with it is said before anything starts.
  if (credentials) await readDockerConfig(credentials);
  const serverConfig = await ensureServerConfig(paths, options.env);
  const [temporal, store, images] = await together(options.signal, (signal) => {
    const part: StackContext = { ...context, options: { ...options, signal } };
    return [
      startTemporal(part),
      startS3(part),
      startEngine(part).then(async (engine) => {
        started.engine = engine;
        return { engine, ...(await prepareImages(engine.address, part)) };
      }),
    ];
  });
  const fleet = settings.value.fleet;
  await enterBase({ engine: images.engine.address, base: images.base, store: store.setUp, fleet }, options);
  const connections: Connections = {
    version: 1,
    fleet,
    temporal,
    store: store.client,
    runnerEngine: images.engine.address,
    builderEngine: images.builderEngine,
    sidecarImage: images.sidecarImage,
    diskBudget,
    ...layers,
    ...mountLimit,
    serverConfig,
    stateDirectory: paths.root,
    runtimeDirectory: paths.runtime,
  };
  return { connections, store };
}

/** What clients read, and for each level what its workers read: they get no other level's keys. */
async function writeConnections(
  { paths }: StackContext,
  connections: Connections,
  store: StartedStore,
): Promise<void> {
  for (const level of LEVELS)
    await writeJsonFile(join(paths.levels, `${level}.json`), {
      ...connectionsOfLevel(connections, level),
      store: store.ofLevel(level),
    });
  await writeJsonFile(paths.connections, connections);
}

async function startWorker(context: StackContext, worker: WorkerProcess): Promise<void> {
  const { env } = context.options;
  await startProcess(context, {
    name: worker.name,
    command: worker.command,
    env: { ...env, PATH: widePath(env), SLIPWAY_HOME: context.paths.root, ...worker.env },
    graceMs: WORKER_GRACE_MS,
  });
}

function announce(
  context: StackContext,
  parts: Pick<RunningStack, 'connections' | 'setUpStore'>,
  started: { engine?: StartedEngine },
): RunningStack {
  const root = context.paths.root;
  const end = async (): Promise<void> => {
    await endContext(context, started.engine?.address);
    running.delete(root);
  };
  let ended: Promise<void> | undefined;
  const stack: RunningStack = { ...parts, stop: () => (ended ??= end()) };
  running.set(root, stack);
  return stack;
}
