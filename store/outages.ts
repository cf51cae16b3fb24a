/** A time during which the store did not answer, or only with trouble that passes. */
export interface Outage {
  readonly ms: number;
  /** What was seen of it first, for people. */
  readonly reason: string;
}

/** What a store knows of its own absences. */
export interface Outages {
  /** How many are over. To be remembered at the beginning of a work, for {@link after}. */
  readonly count: number;
  /** Those that ended since `count` was so many, oldest first; long ago ones are forgotten. */
  after(count: number): readonly Outage[];
}

export interface OutageListener {
  /** Told once in each outage, when it has lasted for a while. */
  readonly onAway?: (reason: string) => void;
  readonly onBack?: (outage: Outage) => void;
}

/** Shorter ones are everyday life: a connection that was cut and made again. */
const WORTH_TELLING_MS = 1_000;
/** An answer that takes longer than this, though it is short, was kept waiting by trouble. */
const SLOW_ANSWER_MS = 5_000;
const KEPT = 100;

/**
 * Watches the requests of one connection to the store: an outage begins with the request that failed and ends with the
 * next answer, whoever asked. A store that only hangs for a while and then goes on counts too.
 */
export class OutageWatch implements Outages {
  readonly #listener: OutageListener;
  readonly #kept: Outage[] = [];
  #count = 0;
  #current: { readonly began: number; readonly reason: string; told: boolean } | undefined;
  #lastEnd = 0;

  constructor(listener: OutageListener = {}) {
    this.#listener = listener;
  }

  get count(): number {
    return this.#count;
  }

  after(count: number): readonly Outage[] {
    const fresh = this.#count - count;
    return fresh <= 0 ? [] : this.#kept.slice(-fresh);
  }

  /** A request that was begun at `began` (by `performance.now()`) met trouble that may pass. */
  failed(reason: string, began: number): void {
    const now = performance.now();
    this.#current ??= { began: Math.max(began, this.#lastEnd), reason, told: false };
    if (this.#current.told || now - this.#current.began < WORTH_TELLING_MS) return;
    this.#current.told = true;
    this.#listener.onAway?.(this.#current.reason);
  }

  /** An answer came. `waitingSince` is given where a store in health answers at once. */
  answered(waitingSince?: number): void {
    const current = this.#current;
    this.#current = undefined;
    const now = performance.now();
    if (current) this.#end(current.began, now, current.reason);
    else if (waitingSince !== undefined && now - waitingSince >= SLOW_ANSWER_MS)
      this.#end(Math.max(waitingSince, this.#lastEnd), now, 'its answers did not come');
  }

  #end(began: number, now: number, reason: string): void {
    const ms = now - began;
    this.#lastEnd = now;
    if (ms < WORTH_TELLING_MS) return;
    const outage = { ms, reason };
    this.#count += 1;
    this.#kept.push(outage);
    if (this.#kept.length > KEPT) this.#kept.shift();
    this.#listener.onBack?.(outage);
  }
}

/** For a store that is never away. */
export const NO_OUTAGES: Outages = { count: 0, after: () => [] };
