interface Share {
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
}

interface WaitingRun {
  readonly needs: Share;
  /** 1 goes first. */
  readonly priority: number;
}

/** Longer than the longest pause between two tries of a claim: who is still waiting has come back by then. */
const KEPT_MS = 20_000;

/**
 * Runs that a machine has refused for want of memory or processors, by their keys. The first of them, by priority and then by how long it
 * waits, is to have what it needs next: others may take so much only that it will still find that, once those have ended that were
 * there before it was the first. So it waits for nobody who came later, and what it leaves over is used meanwhile. Only the first
 * one holds anything back, so that two never wait for each other; it loses its place when it does not come back.
 */
export class WaitingRuns {
  readonly #nowMs: () => number;
  /** In the order in which they came. */
  readonly #waiting = new Map<string, WaitingRun & { readonly untilMs: number }>();
  /** What was claimed while the first one was that already. */
  readonly #later = new Set<string>();
  #first: string | undefined;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** The run that is to have room before another one may. */
  before(key: string, priority: number): (WaitingRun & { readonly key: string }) | undefined {
    const first = this.#look();
    return first === undefined || first.key === key || priority < first.priority ? undefined : first;
  }

  /** Whether a run was claimed while the first one was that already. */
  isLater(key: string): boolean {
    return this.#later.has(key);
  }

  /** One that was refused has a place, or keeps the one that it had. */
  add(key: string, waiting: WaitingRun): void {
    this.#waiting.set(key, { ...waiting, untilMs: this.#nowMs() + KEPT_MS });
  }

  /** A run was claimed here. */
  begin(key: string): void {
    this.#look();
    if (this.#first !== undefined) this.#later.add(key);
    this.drop(key);
  }

  /** A run needs no room here any more. */
  drop(key: string): void {
    this.#waiting.delete(key);
    this.#look();
  }

  #look(): (WaitingRun & { readonly key: string }) | undefined {
    let first: (WaitingRun & { readonly key: string }) | undefined;
    for (const [key, waiting] of this.#waiting) {
      if (waiting.untilMs <= this.#nowMs()) this.#waiting.delete(key);
      else if (!first || waiting.priority < first.priority) first = { ...waiting, key };
    }
    if (first?.key !== this.#first) this.#later.clear();
    this.#first = first?.key;
    return first;
  }
}
