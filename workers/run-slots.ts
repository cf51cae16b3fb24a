import type { CustomSlotSupplier, SlotPermit } from '@temporalio/worker';

/** A run whose next activity has not come for this long does not occupy its slot any more. */
const REST_MS = 60_000;
const CHECK_MS = 100;

/** Which part of a run an activity is: a claim that fails is no run here, after the `last` one its slot is free. */
export type RunPart = 'claim' | 'middle' | 'last';

/**
 * Bounds the runs on one engine. A claim occupies a slot until the run's artifacts are saved, so that a full machine
 * does not poll the shared queue and the claim goes to another one.
 */
export class RunSlots {
  readonly #capacity: number;
  /** Per run: how many of its activities are going on, and when the last one ended. */
  readonly #runs = new Map<string, { active: number; restingSince: number }>();
  #reserved = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Carries a run's activity out while it occupies its slot. */
  async during<T>(run: string, part: RunPart, work: () => Promise<T>): Promise<T> {
    const slot = this.#runs.get(run) ?? { active: 0, restingSince: 0 };
    slot.active += 1;
    this.#runs.set(run, slot);
    let succeeded = false;
    try {
      const result = await work();
      succeeded = true;
      return result;
    } finally {
      slot.active -= 1;
      slot.restingSince = performance.now();
      if (slot.active === 0 && (succeeded ? part === 'last' : part === 'claim')) this.#runs.delete(run);
    }
  }

  /** Gives the slot of a run back that is not carried out here. */
  release(run: string): void {
    if (this.#runs.get(run)?.active === 0) this.#runs.delete(run);
  }

  /** Resolves when no run occupies a slot, or at the abort. */
  async untilIdle(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#occupied() > 0) await pause();
  }

  /** For the worker of the shared queue: a poll begins only while a slot is free. */
  get supplier(): CustomSlotSupplier<never> {
    const supplier: CustomSlotSupplier<never> = {
      type: 'custom',
      reserveSlot: async (_context, abortSignal) => {
        while (!this.#isFree()) {
          if (abortSignal.aborted) throw abortError();
          await pause();
        }
        return this.#reserve();
      },
      tryReserveSlot: () => (this.#isFree() ? this.#reserve() : null),
      markSlotUsed: () => undefined,
      releaseSlot: () => {
        this.#reserved -= 1;
      },
    };
    return supplier;
  }

  #reserve(): SlotPermit {
    this.#reserved += 1;
    return {};
  }

  #isFree(): boolean {
    return this.#occupied() + this.#reserved < this.#capacity;
  }

  #occupied(): number {
    const now = performance.now();
    for (const [run, { active, restingSince }] of this.#runs) {
      if (active === 0 && now - restingSince > REST_MS) this.#runs.delete(run);
    }
    return this.#runs.size;
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, CHECK_MS));
}

function abortError(): Error {
  return Object.assign(new Error('The slot is not needed any more'), { name: 'AbortError' });
}
