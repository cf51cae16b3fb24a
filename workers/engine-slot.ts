import type { Engine } from '../docker/engine.ts';
import { answers } from '../steps/engine-watch.ts';
import { unlessAborted } from '../model/unless-aborted.ts';

/** An engine that is there answers within this time. */
export const ANSWER_MS = 5_000;

/** An engine that builds are done in. */
export interface Lendable {
  readonly engine: Engine;
  /** Ends the sidecar, if the engine is in one. */
  readonly stop: () => Promise<void>;
  /** Throws the sidecar away with its data, which is only a cache; undefined for an engine that is not ours. */
  readonly discard?: () => Promise<void>;
}

/** What a builder has of the engine of one trust domain. */
export interface Slot {
  readonly opening: Promise<Lendable>;
  lent: number;
  idleSince: number;
  /** Its disk is full: nobody takes it any more, and the last who gives it back throws it away. */
  full: boolean;
}

/** Whether its engine came, and answers. */
export async function isAlive(slot: Slot, signal: AbortSignal): Promise<boolean> {
  try {
    const { engine } = await unlessAborted(slot.opening, signal);
    return await answers(engine, ANSWER_MS, signal);
  } catch {
    return false;
  }
}

/** Closes the connection, if there is one. */
export async function closeEngine({ opening }: Slot): Promise<void> {
  await opening.then(({ engine }) => engine.close()).catch(() => undefined);
}
