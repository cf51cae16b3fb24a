const SHARE = 20;
const LEAST_MS = 60_000;

/** What an engine has taken long over it is not asked for again before it has rested so much longer. */
export class Rest {
  #untilMs = 0;

  get isOver(): boolean {
    return performance.now() >= this.#untilMs;
  }

  /** Begins now, after something that began then. */
  begin(beganMs: number): void {
    const now = performance.now();
    this.#untilMs = now + Math.max(LEAST_MS, SHARE * (now - beganMs));
  }
}
