import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../docker/engine.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import { isOutOfNetworks } from './engine-trouble.ts';
import type { LendEngine } from './lend-engine.ts';
import type { RunLog } from './run-log.ts';
import type { StepContext } from './step-context.ts';

/** Networks become free when runs end. */
const PAUSE_MS = 5_000;

/** Then it is for the next attempt: the work has to have time of its own, and others get their turn in between. */
const PATIENCE_MS = 10 * 60_000;

export interface LendingPatience {
  readonly context: StepContext;
  /** Told of it too. */
  readonly log?: Pick<RunLog, 'say'>;
  readonly pauseMs?: number;
  readonly patienceMs?: number;
}

/**
 * Lends the engine of a domain as `withEngine` does. While its sidecar cannot be had for want of a network it is asked for again and
 * again, which is told once; nothing of the work has been done then.
 * @throws {EngineOutOfNetworks} when that has lasted for ten minutes.
 */
export async function lendPatiently<T>(
  withEngine: LendEngine,
  domain: string,
  { context, log, pauseMs = PAUSE_MS, patienceMs = PATIENCE_MS }: LendingPatience,
  work: (engine: Engine, context: StepContext) => Promise<T>,
): Promise<T> {
  const { signal } = context;
  const waited = startStopwatch();
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await withEngine(domain, signal, (engine, own) => work(engine, { ...context, signal: own }));
    } catch (error) {
      if (!isOutOfNetworks(error) || waited() >= patienceMs) throw error;
      const message = `${(error as Error).message}. The build waits until one is removed`;
      if (isFirst) log?.say(message, 'error');
      context.onProgress({ message });
    }
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
}
