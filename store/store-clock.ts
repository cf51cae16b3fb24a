/**
 * The clock of a store's server, by the time that it writes on each of its answers. Between them the time goes on by a clock that
 * nobody sets, so that it can be compared with one that was set meanwhile.
 */
export class StoreClock {
  #heard: { readonly time: number; readonly at: number } | undefined;

  /** An answer came, with that `Date`. */
  hear(date: string | undefined): void {
    const time = Date.parse(date ?? '');
    if (!Number.isNaN(time)) this.#heard = { time, at: performance.now() };
  }

  /** What it says now, in milliseconds since 1970 and good to a second or two; undefined when the last answer is older than that. */
  now(maxAgeMs: number): number | undefined {
    if (!this.#heard) return undefined;
    const ageMs = performance.now() - this.#heard.at;
    return ageMs > maxAgeMs ? undefined : this.#heard.time + ageMs;
  }
}
