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
  /** Asked again and again; one that fails grants nothing new. */
  readonly isGranted: () => Promise<boolean>;
  readonly create: () => Promise<Worker>;
  readonly logger: Logger;
  readonly lookAgainMs?: number;
}): Promise<DindClaims> {
  const { serves, create, logger, lookAgainMs = LOOK_AGAIN_MS } = options;
  const isGranted = orNot(options.isGranted, logger);
  const ending = new AbortController();
  // Its queue is polled when the process says that it is ready.
  let worker =
    serves === 'always' || (serves === 'granted' && (await isGranted())) ? await create() : undefined;
  const waitForGrant = async (): Promise<void> => {
    while (!worker && !ending.signal.aborted) {
      await delay(lookAgainMs, undefined, { signal: ending.signal, ref: false }).catch(() => undefined);
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

/** No for an answer that fails, with a warning whenever it comes to fail in another way: a worker must not end by what is saved in the configuration. */
function orNot(isGranted: () => Promise<boolean>, logger: Logger): () => Promise<boolean> {
  let told = '';
  return async () => {
    try {
      const answer = await isGranted();
      told = '';
      return answer;
    } catch (error) {
      const { message } = error as Error;
      if (message !== told)
        logger.warn({ error }, 'What the configuration grants cannot be read; what was granted stays');
      told = message;
      return false;
    }
  };
}
