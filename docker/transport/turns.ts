import type Docker from 'dockerode';

/** Work about the same thing, once at a time in this process. Whoever finds some under way waits for its end and looks again. */
export class Turns {
  readonly #underWay = new Map<string, Promise<void>>();
  #ended = 0;

  /** How much has ended: what was looked at before that may be otherwise now. */
  get ended(): number {
    return this.#ended;
  }

  /** Does the work unless some about that is under way; then it waits for that, however it ends, and gives undefined. */
  async takeOrWait<T>(
    what: string,
    signal: AbortSignal,
    { work, onWait }: { readonly work: () => Promise<T>; readonly onWait: () => void },
  ): Promise<T | undefined> {
    const other = this.#underWay.get(what);
    if (other) {
      onWait();
      await untilEnded(other, signal);
      return undefined;
    }
    const own = work();
    const ended = own
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => {
        this.#ended += 1;
        this.#underWay.delete(what);
      });
    this.#underWay.set(what, ended);
    return own;
  }
}

const turns = new WeakMap<Docker, Turns>();

/** Those of one engine. */
export function turnsOf(docker: Docker): Turns {
  const found = turns.get(docker) ?? new Turns();
  turns.set(docker, found);
  return found;
}

/** One who gives up waits no longer; the work goes on. */
async function untilEnded(ended: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([ended, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
