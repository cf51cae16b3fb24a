import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../docker/engine.ts';
import { EngineUnavailable } from '../model/errors.ts';
import type { StepContext } from './step-context.ts';

const ASK_EVERY_MS = 5_000;
/** An engine under load answers late, one that hangs never; its connections stay open all the same. */
const PATIENCE_MS = 30_000;
const POLL_MS = 200;

export interface EngineWatch extends Disposable {
  /** Aborted with the signal it was made of, or with {@link EngineUnavailable} when the engine has not answered for long. */
  readonly signal: AbortSignal;
  /** Rejects with that error when the engine is given up. */
  readonly lost: Promise<never>;
}

/** Asks an engine again and again whether it is there, while something is done with it that may take hours. */
export function watchEngine(engine: Engine, signal: AbortSignal, patienceMs = PATIENCE_MS): EngineWatch {
  const lost = new AbortController();
  const over = new AbortController();
  const watching = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await delay(ASK_EVERY_MS, undefined, { signal: over.signal });
      if (await answers(engine, patienceMs, over.signal)) continue;
      if (over.signal.aborted) return;
      lost.abort(
        new EngineUnavailable(engine.address, `it has not answered for ${patienceMs / 1000} s: it hangs`),
      );
      return;
    }
  };
  watching().catch(() => undefined);
  const givenUp = new Promise<never>((_, reject) => {
    lost.signal.addEventListener('abort', () => reject(lost.signal.reason as Error));
  });
  givenUp.catch(() => undefined);
  return {
    signal: AbortSignal.any([signal, lost.signal]),
    lost: givenUp,
    [Symbol.dispose]: () => over.abort(),
  };
}

/** Carries a part of a step out that ends with {@link EngineUnavailable} when its engine hangs. */
export async function underWatch<T>(
  engine: Engine,
  context: StepContext,
  work: (context: StepContext) => Promise<T>,
): Promise<T> {
  using watch = watchEngine(engine, context.signal);
  return await work({ ...context, signal: watch.signal });
}

/** Whether an engine answers within a time. One that refuses the connection is asked again: it may be starting. */
export async function answers(engine: Engine, patienceMs: number, signal?: AbortSignal): Promise<boolean> {
  const patience = AbortSignal.timeout(patienceMs);
  const giveUp = signal ? AbortSignal.any([patience, signal]) : patience;
  const silence = new Promise<false>((resolve) => giveUp.addEventListener('abort', () => resolve(false)));
  const asking = async (): Promise<boolean> => {
    while (!giveUp.aborted) {
      try {
        await engine.info();
        return true;
      } catch {
        await delay(POLL_MS, undefined, { signal: giveUp }).catch(() => undefined);
      }
    }
    return false;
  };
  return Promise.race([asking(), silence]);
}
