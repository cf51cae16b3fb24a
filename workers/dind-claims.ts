import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { runToEnd } from './run-to-end.ts';

/** Whether a runner takes tasks that have a private engine: `granted` when some project may have them on its level. */
export type ServesDind = 'always' | 'granted' | 'never';

/** What is granted while a worker runs is served soon after. */
const LOOK_AGAIN_MS = 5_000;

export interface DindClaims {
  run(): Promise<void>;
  /** Takes no new run. */
  shutDown(): void;
  hasEnded(): boolean;
}

/** The worker of `runner-dind-<level>`, made as soon as it is to be served. */
export async function createDindClaims(options: {
  readonly serves: ServesDind;
  readonly isGranted: () => Promise<boolean>;
  readonly create: () => Promise<Worker>;
  readonly logger: Logger;
}): Promise<DindClaims> {
  const { serves, isGranted, create, logger } = options;
  const ending = new AbortController();
  // Its queue is polled when the process says that it is ready.
  let worker =
    serves === 'always' || (serves === 'granted' && (await isGranted())) ? await create() : undefined;
  const waitForGrant = async (): Promise<void> => {
    while (!worker && !ending.signal.aborted) {
      await delay(LOOK_AGAIN_MS, undefined, { signal: ending.signal, ref: false }).catch(() => undefined);
      if (ending.signal.aborted || !(await isGranted())) continue;
      worker = await create();
      logger.info('Tasks with a private engine are served from now on: the configuration grants them');
    }
  };
  return {
    run: async () => {
      if (serves === 'never') return;
      await waitForGrant();
      if (worker && !ending.signal.aborted) await runToEnd(worker, logger);
    },
    shutDown: () => {
      ending.abort();
      if (worker?.getState() === 'RUNNING') worker.shutdown();
    },
    hasEnded: () => worker === undefined || ['INITIALIZED', 'STOPPED', 'FAILED'].includes(worker.getState()),
  };
}
