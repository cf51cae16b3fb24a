import type { CustomSlotSupplier, SlotPermit } from '@temporalio/worker';
import type { RunOfTask } from '../steps/machine-room.ts';
import { keyOf } from '../steps/machine-room.ts';

/** A run whose next activity has not come for this long does not occupy its slot any more. */
const REST_MS = 60_000;
/** A run that rests for longer than this may be carried out by another process that serves the same engine. */
const SHORT_REST_MS = 1_000;
const CHECK_MS = 100;

/** Which part of a run an activity is: a claim that fails is no run here, after the `last` one its slot is free. */
export type RunPart = 'claim' | 'middle' | 'last';

interface Slot extends RunOfTask {
  /** How many of its activities are going on here. */
  active: number;
  /** When the last one ended. */
  restingSince: number;
}

/**
 * Bounds the runs on one engine. A claim occupies a slot until the run's artifacts are saved, so that a full machine
 * does not poll the shared queue and the claim goes to another one.
 */
export class RunSlots {
  readonly #capacity: number;
  readonly #isSaved: (run: RunOfTask) => Promise<boolean>;
  readonly #slots = new Map<string, Slot>();
  /** Polls that wait for a slot, in the order in which they came. */
  readonly #line: { readonly isFree: () => boolean }[] = [];
  #isClosed = false;
  #lookedAt = 0;
  #looking = false;

  /** @param isSaved Whether the run's artifacts are saved, by whichever process. Asked while a slot is wanted and none is free. */
  constructor(capacity: number, isSaved: (run: RunOfTask) => Promise<boolean>) {
    this.#capacity = capacity;
    this.#isSaved = isSaved;
  }

  /** Carries a run's activity out while it occupies its slot. */
  async during<T>({ taskId, run }: RunOfTask, part: RunPart, work: () => Promise<T>): Promise<T> {
    const key = keyOf({ taskId, run });
    const slot = this.#slots.get(key) ?? { taskId, run, active: 0, restingSince: 0 };
    slot.active += 1;
    this.#slots.set(key, slot);
    let succeeded = false;
    try {
      const result = await work();
      succeeded = true;
      return result;
    } finally {
      slot.active -= 1;
      slot.restingSince = performance.now();
      if (slot.active === 0 && (succeeded ? part === 'last' : part === 'claim')) this.#slots.delete(key);
    }
  }

  /** Gives the slot of a run back that is not carried out here. */
  release(run: RunOfTask): void {
    const key = keyOf(run);
    if (this.#slots.get(key)?.active === 0) this.#slots.delete(key);
  }

  /** Whether one more run may occupy a slot now. */
  get isFree(): boolean {
    return !this.#isClosed && this.#occupied() < this.#capacity;
  }

  /** No further run may occupy one that is not asked for by a {@link supplier}. */
  close(): void {
    this.#isClosed = true;
  }

  /** Whether a run occupies a slot. */
  has(run: RunOfTask): boolean {
    return this.#slots.has(keyOf(run));
  }

  /** Resolves when no run occupies a slot, or at the abort. */
  async untilIdle(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#occupied() > 0) await this.#pause();
  }

  /**
   * For the worker of one queue of claims: a poll begins only while a slot is free. Polls that wait take nothing from those of another
   * queue, or it would not be looked at while nothing comes; so when work comes on several at once, some more runs go on. Of the queues
   * that wait for a slot the one that has waited for longest polls first, so that none goes without while another has work.
   */
  supplier(): CustomSlotSupplier<never> {
    let reserved = 0;
    const isFree = (): boolean => this.#occupied() + reserved < this.#capacity;
    const reserve = (): SlotPermit => {
      reserved += 1;
      return {};
    };
    return {
      type: 'custom',
      reserveSlot: async (_context, abortSignal) => {
        const own = { isFree };
        this.#line.push(own);
        try {
          while (this.#line.find((other) => other.isFree()) !== own) {
            if (abortSignal.aborted) throw abortError();
            await this.#pause();
          }
          return reserve();
        } finally {
          this.#line.splice(this.#line.indexOf(own), 1);
        }
      },
      tryReserveSlot: () => (isFree() ? reserve() : null),
      markSlotUsed: () => undefined,
      releaseSlot: () => {
        reserved -= 1;
      },
    };
  }

  #occupied(): number {
    for (const slot of this.#restingFor(REST_MS)) this.release(slot);
    return this.#slots.size;
  }

  #restingFor(ms: number): Slot[] {
    const now = performance.now();
    return [...this.#slots.values()].filter(
      ({ active, restingSince }) => active === 0 && now - restingSince > ms,
    );
  }

  async #pause(): Promise<void> {
    void this.#look();
    await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
  }

  /** Frees what another process has carried out to its end. */
  async #look(): Promise<void> {
    if (this.#looking || performance.now() - this.#lookedAt < SHORT_REST_MS) return;
    this.#looking = true;
    try {
      for (const slot of this.#restingFor(SHORT_REST_MS))
        if (await this.#isSaved(slot).catch(() => false)) this.release(slot);
    } finally {
      this.#lookedAt = performance.now();
      this.#looking = false;
    }
  }
}

function abortError(): Error {
  return Object.assign(new Error('The slot is not needed any more'), { name: 'AbortError' });
}
