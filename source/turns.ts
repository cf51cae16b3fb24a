import { setTimeout as sleep } from 'node:timers/promises';
import { RepositoryUnavailable } from '../model/errors.ts';
import { unlessAborted } from '../model/unless-aborted.ts';

/** Who was sent away comes again after as long as the work has taken by then, which at most doubles the wait, and after this at the latest. */
const LONGEST_PAUSE_MS = 5 * 60 * 1000;

/** Thrown when a repository is being fetched for another push, for longer than somebody waits for that. */
export class RepositoryBusy extends RepositoryUnavailable {
  /** When it is worth another attempt. */
  readonly retryAfterMs: number;
  constructor(repository: string, tookMs: number) {
    const seconds = Math.round(tookMs / 1000);
    super(repository, `it is being fetched for another push, for ${seconds} s by now, and is waited for`);
    this.retryAfterMs = Math.ceil(Math.min(tookMs, LONGEST_PAUSE_MS));
  }
}

export interface Waiting {
  /** Whoever is told to stop meanwhile waits no more. */
  readonly signal?: AbortSignal | undefined;
  /** Nor does whoever has this little patience with any one work. Default: it may take as long as it takes. */
  readonly patienceMs?: number | undefined;
}

/** What is done with one repository's mirror by this process, one after the other. */
export class Turns {
  /** When the mirror was looked through last and was whole. */
  wholeMs = -Infinity;
  readonly #repository: string;
  #last: Promise<unknown> = Promise.resolve();
  /** When the work under way was begun. */
  #begunMs: number | undefined;

  constructor(repository: string) {
    this.#repository = repository;
  }

  /** @throws {RepositoryBusy} when the patience is over. */
  async take<T>(work: () => Promise<T>, waiting: Waiting): Promise<T> {
    const before = this.#last;
    const turn = this.#until(before, waiting).then(async () => {
      this.#begunMs = performance.now();
      try {
        return await work();
      } finally {
        this.#begunMs = undefined;
      }
    });
    this.#last = Promise.allSettled([before, turn]);
    return turn;
  }

  async #until(before: Promise<unknown>, { signal, patienceMs = Infinity }: Waiting): Promise<void> {
    if (patienceMs === Infinity) return void (await unlessAborted(before, signal));
    const stopped = new AbortController();
    try {
      let isNext = false;
      const next = before.then(() => void (isNext = true));
      while (!isNext) {
        const tookMs = this.#begunMs === undefined ? 0 : performance.now() - this.#begunMs;
        if (tookMs >= patienceMs) throw new RepositoryBusy(this.#repository, tookMs);
        const alarm = sleep(patienceMs - tookMs, undefined, { signal: stopped.signal });
        alarm.catch(() => undefined);
        await unlessAborted(Promise.race([next, alarm]), signal);
      }
    } finally {
      stopped.abort();
    }
  }
}
