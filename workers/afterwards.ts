import type { Logger } from 'pino';
import type { Afterwards } from '../steps/afterwards.ts';

type Work = Parameters<Afterwards>[1];

/** Work that nobody waits for, one at a time, so that builds have the machine. What it says and its trouble stand in the worker's log. */
export class AfterwardsQueue {
  readonly #logger: Logger;
  readonly #waiting = new Map<string, Work>();
  readonly #closing = new AbortController();
  #going: Promise<void> | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add: Afterwards = (name, work) => {
    if (this.#closing.signal.aborted) return;
    this.#waiting.set(name, work);
    this.#going ??= this.#work().finally(() => (this.#going = undefined));
  };

  /** Begins nothing more; what goes on has that time to come to its end. */
  async close(graceMs: number): Promise<void> {
    this.#waiting.clear();
    const timer = setTimeout(() => this.#closing.abort(new Error('The worker ends')), graceMs);
    await this.#going;
    clearTimeout(timer);
    this.#closing.abort(new Error('The worker ends'));
  }

  async #work(): Promise<void> {
    for (;;) {
      const [next] = this.#waiting;
      if (!next) return;
      const [name, work] = next;
      this.#waiting.delete(name);
      try {
        await work({ signal: this.#closing.signal, say: (line) => this.#logger.info({ of: name }, line) });
      } catch (error) {
        this.#logger.warn({ of: name, error: String(error) }, 'What was to be done after a build was not');
      }
    }
  }
}
