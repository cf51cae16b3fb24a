import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InternalError, SetupFailed } from '../model/errors.ts';
import { boundLog } from './bound-log.ts';
import { endProcess } from './end-process.ts';
import { identifyProcess } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';
import type { ProcessRecords } from './process-records.ts';
import { readLastLines } from './read-last-lines.ts';
import type { StackProgress } from './stack-options.ts';

export interface ProcessSpec {
  /** Unique; names the log `<logs>/<name>.log`. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** The whole environment of the process. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** How long it may take to end after SIGTERM. */
  readonly graceMs: number;
  /** Runs before a restart, to remove what the dead process left. */
  readonly beforeRestart?: () => Promise<void>;
}

export interface SuperviseOptions {
  readonly logs: string;
  readonly records: ProcessRecords;
  readonly onProgress: (line: StackProgress) => void;
}

export interface SupervisedProcess {
  readonly name: string;
  /** Waits until `answers` does not throw. @throws {SetupFailed} when the process dies first or time runs out. */
  waitUntil(
    answers: () => Promise<unknown>,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<void>;
  /** Ends the process for good. Safe to repeat. */
  stop(): Promise<void>;
}

const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** After so long a life a death begins a new row of back-offs. */
const GOOD_LIFE_MS = 60_000;
const POLL_MS = 100;
const BOUND_LOG_EVERY_MS = 60_000;
const RECORD_AGAIN_MS = 1_000;

/**
 * Starts a process in a group of its own (so that Ctrl-C in a terminal reaches only us, who end it in order), with its
 * output appended to its log, and starts it again when it dies, with pauses from 0.5 to 30 s.
 */
export async function supervise(spec: ProcessSpec, options: SuperviseOptions): Promise<SupervisedProcess> {
  const supervised = new Supervised(spec, options);
  await supervised.start();
  return supervised;
}

class Supervised implements SupervisedProcess {
  readonly name: string;
  readonly #spec: ProcessSpec;
  readonly #options: SuperviseOptions;
  readonly #stopping = new AbortController();
  #logTimer: NodeJS.Timeout | undefined;
  #identity: ProcessIdentity | undefined;
  #backoffMs = FIRST_BACKOFF_MS;
  #deaths = 0;
  #life: Promise<void> = Promise.resolve();

  constructor(spec: ProcessSpec, options: SuperviseOptions) {
    this.name = spec.name;
    this.#spec = spec;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#life = this.#keepRunning(await this.#spawn());
    this.#logTimer = setInterval(() => void this.#boundLog(), BOUND_LOG_EVERY_MS).unref();
  }

  async waitUntil(
    answers: () => Promise<unknown>,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const end = performance.now() + options.timeoutMs;
    for (;;) {
      options.signal.throwIfAborted();
      const trouble = await answers().then(
        () => undefined,
        (error: unknown) => error,
      );
      if (trouble === undefined) return;
      if (this.#deaths > 0) throw await this.#startFailure('it ended at once', trouble);
      if (performance.now() > end)
        throw await this.#startFailure(`it did not answer within ${options.timeoutMs / 1000} s`, trouble);
      await sleep(POLL_MS, undefined, { signal: options.signal });
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#logTimer);
    if (this.#identity) await endProcess(this.#identity, this.#spec.graceMs);
    await this.#life;
    try {
      this.#options.records.delete(this.name);
    } catch {
      // On a full disk; a record of a process that has ended does no harm.
    }
  }

  async #keepRunning(first: ChildProcess): Promise<void> {
    let child = first;
    for (;;) {
      const born = performance.now();
      await ended(child);
      this.#deaths += 1;
      if (this.#stopping.signal.aborted) return;
      if (performance.now() - born > GOOD_LIFE_MS) this.#backoffMs = FIRST_BACKOFF_MS;
      // What it says last is mostly why: a port that somebody has taken, a disk that is full.
      const last = await readLastLines(this.#logPath(), 1);
      this.#say(
        'failed',
        `${describeEnd(child)}${last ? ` (${last})` : ''}; starts again in ${this.#backoffMs / 1000} s (log: ${this.#logPath()})`,
      );
      const next = await this.#restart();
      if (!next) return;
      child = next;
    }
  }

  /** The next life, or undefined when the stack is being stopped. Trouble in starting only lengthens the pause. */
  async #restart(): Promise<ChildProcess | undefined> {
    for (;;) {
      await sleep(this.#backoffMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return undefined;
      this.#backoffMs = Math.min(this.#backoffMs * 2, LONGEST_BACKOFF_MS);
      try {
        await this.#spec.beforeRestart?.();
        const child = await this.#spawn();
        this.#say('note', 'started again');
        return child;
      } catch (error) {
        this.#say('failed', messageOf(error));
      }
    }
  }

  async #spawn(): Promise<ChildProcess> {
    const [program, ...args] = this.#spec.command;
    await this.#boundLog();
    const log = await open(this.#logPath(), 'a', 0o600);
    try {
      const { env, cwd } = this.#spec;
      const child = spawn(program, args, { env, cwd, detached: true, stdio: ['ignore', log.fd, log.fd] });
      await once(child, 'spawn');
      this.#identity = child.pid === undefined ? undefined : await identifyProcess(child.pid);
      if (this.#identity) await this.#record(this.#identity);
      // Stopped while it was being started: the one who stops has not seen this process.
      if (this.#stopping.signal.aborted && this.#identity)
        await endProcess(this.#identity, this.#spec.graceMs);
      return child;
    } finally {
      await log.close();
    }
  }

  /**
   * One that nobody could find again must not be started: the next `up` would start a second one beside it. A later life is another
   * thing: where the disk is full, a worker that runs is what makes room, and its record is written as soon as there is some.
   */
  async #record(identity: ProcessIdentity): Promise<void> {
    try {
      this.#options.records.set(this.name, identity);
    } catch (error) {
      if (this.#deaths === 0) {
        await endProcess(identity, this.#spec.graceMs);
        throw error;
      }
      this.#recordLater(identity, error);
    }
  }

  #recordLater(identity: ProcessIdentity, trouble: unknown): void {
    this.#say('note', `runs, and cannot be written down yet: ${messageOf(trouble)}`);
    const again = setInterval(() => {
      try {
        if (this.#identity === identity && !this.#stopping.signal.aborted)
          this.#options.records.set(this.name, identity);
        clearInterval(again);
      } catch {
        // Said already.
      }
    }, RECORD_AGAIN_MS).unref();
  }

  async #startFailure(why: string, cause: unknown): Promise<SetupFailed> {
    const lines = await readLastLines(this.#logPath(), 5);
    return new SetupFailed(
      `${this.name} could not be started`,
      `${why}${lines ? ` (${lines})` : ''}`,
      `Its log is ${this.#logPath()}`,
      {
        cause,
      },
    );
  }

  async #boundLog(): Promise<void> {
    await boundLog(this.#logPath()).catch((error: unknown) =>
      this.#say('note', `its log cannot be shortened: ${messageOf(error)}`),
    );
  }

  #logPath(): string {
    return join(this.#options.logs, `${this.name}.log`);
  }

  #say(state: StackProgress['state'], message: string): void {
    try {
      this.#options.onProgress({ part: this.name, state, message, elapsedMs: 0 });
    } catch {
      // Nobody can be told, and the process goes on all the same.
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

function describeEnd(child: ChildProcess): string {
  if (child.exitCode === null && child.signalCode === null)
    throw new InternalError('The process has not ended');
  return child.signalCode ? `was ended by ${child.signalCode}` : `ended with ${child.exitCode}`;
}
