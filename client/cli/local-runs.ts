import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../../docker/engine.ts';
import { LABEL } from '../../docker/labels.ts';
import { sweepContainers } from '../../docker/sweep.ts';
import { cacheDirectory } from '../../stack/cache-directory.ts';
import { identifyProcess, isRunning } from '../../stack/process-identity.ts';
import type { Store } from '../../store/store.ts';

/** What runs on this machine, by this user and without a server, is known by. */
export interface LocalRuns {
  /** Logs, artifacts and records of these runs. */
  readonly directory: string;
  /** Tells their ids from those of pushes, and from those of other users of an engine. */
  readonly variant: string;
  /** Labels what they make in an engine. */
  readonly fleet: string;
  /** Names this process in claims. */
  readonly worker: string;
}

export async function localRuns(env: NodeJS.ProcessEnv): Promise<LocalRuns> {
  const directory = join(cacheDirectory(env), 'runs');
  const variant = createHash('sha256').update(`${hostname()} ${directory}`).digest('hex').slice(0, 12);
  const started = (await identifyProcess(process.pid))?.started ?? '';
  return {
    directory,
    variant,
    fleet: `local-${variant}`,
    worker: JSON.stringify({ pid: process.pid, started }),
  };
}

/** Removes containers of runs whose process was killed; one that goes on keeps its own. */
export async function sweepLocalRuns(
  engine: Engine,
  { fleet }: LocalRuns,
  { tasks }: Pick<Store, 'tasks'>,
): Promise<readonly string[]> {
  return sweepContainers(engine, {
    fleet,
    isNobodys: async ({ labels }) => {
      const [taskId, run] = [labels[LABEL.task], Number(labels[LABEL.run])];
      const claim =
        taskId === undefined || !Number.isInteger(run) ? undefined : await tasks.findClaim(taskId, run);
      return claim === undefined || !(await isAlive(claim.worker));
    },
  });
}

async function isAlive(worker: string): Promise<boolean> {
  const { pid, started } = JSON.parse(worker) as { pid: number; started: string };
  return isRunning({ pid, started });
}
