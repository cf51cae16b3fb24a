import { dockerAt } from '../../../docker/client.ts';
import { EngineRoom } from '../../../docker/room/engine-room.ts';
import { budgetOfEngine } from '../../../docker/room/disk-of-engine.ts';
import type { EngineBudget, EngineDisk } from '../../../docker/room/disk-of-engine.ts';
import { runningSidecars } from '../../../docker/sidecar/running-sidecars.ts';
import { LEVELS } from '../../../model/pure/ids.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import type { Diagnosis } from '../../../model/schema/diagnosis.ts';
import { EngineAccess } from '../../../stack/engine-access.ts';
import { diagnosed } from '../../../stack/doctor/diagnosed.ts';
import { count, formatBytes } from '../render/quantities.ts';

/** Looks at what Slipway takes in each of its engines, against their disk budgets. Over the budget is nothing wrong: what is in use stays. */
export async function lookAtRoom(
  connections: Pick<Connections, 'runnerEngine' | 'builderEngine' | 'diskBudget' | 'fleet'>,
): Promise<readonly Diagnosis[]> {
  const { runnerEngine, builderEngine, fleet } = connections;
  const disk = await diskOf(runnerEngine);
  const own = builderEngine === undefined || builderEngine === runnerEngine ? [] : [builderEngine];
  const sidecars = await sidecarsOf(runnerEngine, fleet);
  return Promise.all([
    lookAt('engine images', { address: runnerEngine, what: 'tasks', disk, isPrivate: false }, connections),
    ...own.map(async (address) =>
      lookAt(
        'build images',
        { address, what: 'builds', disk: await diskOf(address), isPrivate: false },
        connections,
      ),
    ),
    ...sidecars.map(({ name, address }) =>
      lookAt(`sidecar ${name}`, { address, what: 'builds', disk, isPrivate: true }, connections),
    ),
  ]);
}

function lookAt(
  part: string,
  engine: {
    readonly address: string;
    readonly what: 'tasks' | 'builds';
    readonly disk: EngineDisk | undefined;
    readonly isPrivate: boolean;
  },
  { diskBudget }: Pick<Connections, 'diskBudget'>,
): Promise<Diagnosis> {
  const { address, what, disk, isPrivate } = engine;
  return diagnosed(part, `See that the engine answers: docker --host ${address} images`, async () => {
    const onTrouble = (error: unknown): never => {
      throw error;
    };
    const taken = await new EngineRoom(dockerAt(address), { isPrivate, onTrouble }).taken();
    const budget = disk && (await budgetOfEngine(diskBudget, what, disk));
    const budgetBytes = budget === 'unknown' ? undefined : budget;
    const bytes = taken.imageBytes + taken.cacheBytes + taken.taskCacheBytes;
    const cache = taken.cacheBytes > 0 ? ` with ${formatBytes(taken.cacheBytes)} of build cache` : '';
    const caches = taken.caches === 0 ? '' : ` and ${count(taken.caches, 'cache')} of tasks`;
    return {
      message: `${count(taken.images, 'image')}${caches} of Slipway there take ${formatBytes(bytes)}${cache}; ${limitText(budget)}`,
      bytes,
      ...(budgetBytes === undefined ? {} : { budgetBytes }),
    };
  });
}

function limitText(budget: EngineBudget): string {
  if (budget === undefined) return 'there is no limit';
  if (budget === 'unknown')
    return 'there is no limit but a full disk, which cannot be seen from here: SLIPWAY_DISK_BUDGET can be bytes, as in 40 GB';
  return `${formatBytes(budget)} are allowed`;
}

async function diskOf(address: string): Promise<EngineDisk | undefined> {
  const facts = await new EngineAccess(address).facts().catch(() => undefined);
  return facts && { address, rootDirectory: facts.rootDirectory };
}

async function sidecarsOf(
  host: string,
  fleet: string,
): Promise<readonly { readonly name: string; readonly address: string }[]> {
  const found = await Promise.all(LEVELS.map((level) => runningSidecars(host, { fleet, level }))).catch(
    () => [],
  );
  return found.flatMap((ofLevel, at) =>
    ofLevel.map(({ domain, seat, address }) => ({
      name: `${domain}-${LEVELS[at]}${seat === 0 ? '' : `-${seat}`}`,
      address,
    })),
  );
}
