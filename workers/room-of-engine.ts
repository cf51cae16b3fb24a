import type { EngineOptions } from '../docker/engine-options.ts';
import type { DEFAULT_SHARE, EngineDisk } from '../docker/room/disk-of-engine.ts';
import { budgetOfEngine, diskOfEngine } from '../docker/room/disk-of-engine.ts';
import type { Parts } from './parts.ts';

export interface EngineUse {
  readonly address: string;
  readonly what: keyof typeof DEFAULT_SHARE;
  /** The engine that it is a container of. Without it others use the engine too. */
  readonly host?: EngineDisk;
}

const UNKNOWN =
  'The disk of an engine cannot be seen from here, so no share of it can be kept as its disk budget: images are removed there only when the disk is full. Give the budget in bytes, as in SLIPWAY_DISK_BUDGET="40 GB"';

/** The disk budget of an engine as this worker was told it, which is one where tasks run and builds are done in the same; what is removed for it stands in the worker's log, and so does that it is not known. */
export function roomOfEngine(
  { connections, logger }: Pick<Parts, 'connections' | 'logger'>,
  { address, what, host }: EngineUse,
): NonNullable<EngineOptions['room']> {
  // Two would keep the same images under the smaller one.
  const forWhat = address === connections.runnerEngine ? 'tasks' : what;
  return async ({ rootDirectory }) => {
    const disk = host ?? { address, rootDirectory };
    const { diskBudget } = connections;
    const budgetBytes = await budgetOfEngine(diskBudget, forWhat, disk);
    if (budgetBytes === 'unknown') logger.warn({ engine: address, diskBudget }, UNKNOWN);
    return {
      budgetBytes,
      isPrivate: host !== undefined,
      freeBytes: async () => (await diskOfEngine(disk))?.freeBytes,
      onMadeRoom: (made) => logger.info({ engine: address, ...made }, 'Room was made in an engine'),
      onTrouble: (error) => logger.warn({ engine: address, error }, 'No room could be made in an engine'),
    };
  };
}
