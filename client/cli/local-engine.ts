import type { Engine } from '../../docker/engine.ts';
import type { BlobStore } from '../../model/blob-store.ts';
import { ConfigInvalid, isSlipwayError } from '../../model/errors.ts';
import type { Connections } from '../../model/schema/connections.ts';
import type { Session } from './session.ts';

/** Labels what clients make in an engine where no installation runs. */
const NO_FLEET = 'laptop';

/** Does something with this machine's engine; images move between it and `blobs`, and are pulled with the credentials of whoever types. */
export async function withLocalEngine<T>(
  session: Pick<Session, 'env'>,
  blobs: BlobStore,
  use: (engine: Engine) => Promise<T>,
  /** Labels what is made there; default: the installation that runs here. */
  own?: string,
): Promise<T> {
  const [{ connectEngine }, { ownCredentials }] = await Promise.all([
    import('../../docker/connect.ts'),
    import('../../docker/registry/credentials-file.ts'),
  ]);
  const { address, fleet, isOfWorkers } = await localEngine(session);
  const engine = await connectEngine({
    address,
    blobs,
    reach: { kind: 'loopback' },
    fleet: own ?? fleet,
    credentials: ownCredentials(session.env),
    // To these what is not marked as used or held is what was unused for longest. Nothing is removed from here.
    ...(isOfWorkers ? { room: () => Promise.resolve({ isPrivate: false }) } : {}),
  });
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

export interface LocalEngine {
  readonly address: string;
  readonly fleet: string;
  /** Workers of the installation that runs here keep a disk budget in it. */
  readonly isOfWorkers: boolean;
}

/**
 * The engine that images are built in and loaded into for people: the one that the environment names, as for docker itself;
 * else the one of the running stack; else the one that docker would take. @throws {ConfigInvalid}
 */
export async function localEngine({ env }: Pick<Session, 'env'>): Promise<LocalEngine> {
  const stack = await findConnections(env);
  const fleet = stack?.fleet ?? NO_FLEET;
  const named = env.SLIPWAY_DOCKER_HOST ?? env.DOCKER_HOST;
  if (named) return { address: named, fleet, isOfWorkers: hasWorkersIn(named, stack) };
  if (stack) return { address: stack.runnerEngine, fleet, isOfWorkers: true };
  const { explainNoEngine, lookForEngine } = await import('../../stack/find-engine.ts');
  const { found, refusing } = await lookForEngine(env);
  if (found) return { address: found.address, fleet, isOfWorkers: false };
  const { why, todo } = explainNoEngine(refusing);
  throw new ConfigInvalid(`No Docker Engine can be used: ${why}. ${todo}; or type: slipway up`);
}

function hasWorkersIn(address: string, stack: Connections | undefined): boolean {
  return stack !== undefined && [stack.runnerEngine, stack.builderEngine].includes(address);
}

async function findConnections(env: NodeJS.ProcessEnv): Promise<Connections | undefined> {
  const { readConnections } = await import('../../workers/connections.ts');
  try {
    return await readConnections(env);
  } catch (error) {
    if (isSlipwayError(error) && ['StackUnavailable', 'ConfigInvalid'].includes(error.type)) return undefined;
    throw error;
  }
}
