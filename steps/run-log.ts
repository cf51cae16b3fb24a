import { RunSuperseded } from '../model/errors.ts';
import { isSlipwayError } from '../model/errors.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import type { Logs, Store } from '../store/store.ts';
import type { Masked, SecretMask } from './secret-mask.ts';
import type { StepContext } from './step-context.ts';
import { expectNotGivenUp } from './step-context.ts';

/** A chunk is written when it is this big: a task that prints very much shall not leave ten thousands of objects … */
const CHUNK_BYTES = 1024 * 1024;
/** … or this old … */
const CHUNK_AGE_MS = 300;
/** … but after so many chunks the pause between two grows by a millisecond a chunk, up to the longest: a log of hours is joined in the end (docs/adr/0002-store-layout.md). */
const FREQUENT_CHUNKS = 500;
const LONGEST_PAUSE_MS = 750;
/** The task's output is not read faster than the store takes it. */
const BUFFER_BYTES = 4 * CHUNK_BYTES;

/** Begins each line that the worker itself says, apart from the task's output. */
export const WORKER_MARK = '[slipway';
const MARKED = /^\[slipway(:error)? \S+\] /;

/**
 * The log of one run: the task's output and the worker's words, in chunks that readers see within a second. An
 * adopter opens it again and goes on: `taskBytes` tells how much of the task's output is in it already.
 */
export class RunLog {
  readonly #logs: Logs;
  readonly #taskId: string;
  readonly #run: number;
  readonly #isGivenUp: () => boolean;
  #seq: number;
  #taskBytes: number;
  #buffer: Buffer[] = [];
  #bufferedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Milliseconds since this process began to write its last chunk. */
  #sinceChunk = (): number => Infinity;
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;
  #atLineStart = true;
  /** How many of the store's outages are behind us: each is told once. */
  #outages: number;
  #mask: SecretMask | undefined;

  private constructor(
    logs: Logs,
    coordinates: { taskId: string; run: number; seq: number; taskBytes: number; outages: number },
    isGivenUp: () => boolean,
  ) {
    this.#logs = logs;
    this.#taskId = coordinates.taskId;
    this.#run = coordinates.run;
    this.#seq = coordinates.seq;
    this.#taskBytes = coordinates.taskBytes;
    this.#outages = coordinates.outages;
    this.#isGivenUp = isGivenUp;
  }

  /** Of a writer that has been given up nothing is written any more. */
  static async open(
    logs: Logs,
    taskId: string,
    run: number,
    { isGivenUp = () => false }: Pick<StepContext, 'isGivenUp'> = {},
  ): Promise<RunLog> {
    const outages = logs.outages.count;
    const last = await logs.findLast(taskId, run);
    const at = { taskId, run, seq: (last?.seq ?? -1) + 1, taskBytes: last?.taskBytes ?? 0, outages };
    return new RunLog(logs, at, isGivenUp);
  }

  /** Bytes of the task's own output that are in the log so far, as they were before secrets were taken out. */
  get taskBytes(): number {
    return this.#taskBytes;
  }

  /** From now on nothing of these secrets gets into the log. */
  hide(mask: SecretMask): void {
    this.#mask = mask;
  }

  /** The task's output is read from where {@link taskBytes} says: what was held back comes again. */
  beginOutput(): void {
    this.#mask?.reset();
  }

  /** Adds output of the task; waits when the store is slower than the task. */
  async write(output: Buffer): Promise<void> {
    this.#addOutput(this.#mask?.push(output) ?? { text: output, consumed: output.byteLength });
    if (this.#bufferedBytes >= BUFFER_BYTES) await this.flush();
  }

  /** The task's output has come to its end. */
  endOutput(): void {
    if (this.#mask) this.#addOutput(this.#mask.end());
  }

  /** Adds output that comes as text (a build's). */
  writeText(text: string): void {
    this.#atLineStart = text.endsWith('\n');
    this.#append(Buffer.from(text));
  }

  /** Adds a line of the worker's own, marked and dated. */
  say(message: string, kind: 'info' | 'error' = 'info'): void {
    const mark = kind === 'error' ? `${WORKER_MARK}:error` : WORKER_MARK;
    const shown = this.#mask?.apply(message) ?? message;
    const lines = shown.split('\n').map((line) => `${mark} ${new Date().toISOString()}] ${line}\n`);
    this.#append(Buffer.from((this.#atLineStart ? '' : '\n') + lines.join('')));
    this.#atLineStart = true;
  }

  /** Whether these words of the worker's are the last that was written, by whomever. */
  async endsWith(message: string): Promise<boolean> {
    if (this.#seq === 0) return false;
    const words = message.split('\n');
    for await (const { text } of this.#logs.chunks(this.#taskId, this.#run, this.#seq - 2)) {
      const last = text
        .toString()
        .split('\n')
        .slice(-1 - words.length, -1);
      return words.every((line, at) => MARKED.test(last[at] ?? '') && last[at]?.replace(MARKED, '') === line);
    }
    return false;
  }

  /** Writes what is buffered. @throws {RunSuperseded} when somebody else writes this run's log. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tellOutages();
    this.#writing = this.#writing.then(() => this.#writeChunk());
    await this.#writing;
    // The store may have been away just for this chunk.
    if (this.#failure === undefined && this.#tellOutages()) return this.flush();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Gives whether there was something to tell. Not in the middle of a line of the task's: after its end. */
  #tellOutages(): boolean {
    const { outages } = this.#logs;
    if (!this.#atLineStart) return false;
    const fresh = outages.after(this.#outages);
    this.#outages = outages.count;
    for (const { ms, reason } of fresh)
      this.say(`The store was away for ${(ms / 1000).toFixed(1)} s (${reason}); nothing was lost`);
    return fresh.length > 0;
  }

  #addOutput({ text, consumed }: Masked): void {
    this.#taskBytes += consumed;
    if (text.byteLength === 0) return;
    this.#atLineStart = text.at(-1) === 0x0a;
    this.#append(text);
  }

  #append(bytes: Buffer): void {
    this.#buffer.push(bytes);
    this.#bufferedBytes += bytes.byteLength;
    if (this.#bufferedBytes >= CHUNK_BYTES) this.#writing = this.#writing.then(() => this.#writeChunk());
    else this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), this.#dueInMs());
  }

  /** When what comes now is to be written: soon after a silence. By the length of the log, so that an adopter goes on as it was. */
  #dueInMs(): number {
    const pauseMs = CHUNK_AGE_MS + Math.max(0, this.#seq - FREQUENT_CHUNKS);
    return Math.max(CHUNK_AGE_MS, Math.min(pauseMs, LONGEST_PAUSE_MS) - this.#sinceChunk());
  }

  async #writeChunk(): Promise<void> {
    if (this.#bufferedBytes === 0 || this.#failure !== undefined) return;
    const text = Buffer.concat(this.#buffer);
    const taskBytes = this.#taskBytes;
    this.#buffer = [];
    this.#bufferedBytes = 0;
    this.#sinceChunk = startStopwatch();
    try {
      if (this.#isGivenUp()) throw new RunSuperseded(this.#taskId, this.#run);
      await this.#logs.append(this.#taskId, this.#run, { seq: this.#seq, text, taskBytes });
      // It was on its way when this process stood still, and who took over may have ended the log meanwhile.
      if (this.#isGivenUp()) await this.#logs.dropLate(this.#taskId, this.#run, this.#seq);
      this.#seq += 1;
    } catch (error) {
      // Kept for the next flush: writes come from a timer too, where nobody could catch it.
      const conflict = isSlipwayError(error) && error.type === 'WriteConflict';
      if (!conflict) this.#failure = error;
      else if (await this.#isOurs(text)) this.#seq += 1;
      else this.#failure = new RunSuperseded(this.#taskId, this.#run);
    }
  }

  /** A write whose answer was lost is repeated by the client and then finds itself. */
  async #isOurs(text: Buffer): Promise<boolean> {
    for await (const chunk of this.#logs.chunks(this.#taskId, this.#run, this.#seq - 1))
      return chunk.text.equals(text);
    return false;
  }
}

/** Who ends a log: without a signal it goes on to its end. */
export type EndLogContext = Partial<Pick<StepContext, 'signal' | 'isGivenUp' | 'attempts'>>;

/**
 * Ends the log of a run with a last line of the worker's and joins it to its artifact; one that is ended already stays as
 * it is, and one that has its last line gets no second. Every run has a log with its reason in it, also one that never reached a machine.
 */
export async function endLog(
  { logs }: Pick<Store, 'logs'>,
  { taskId, run }: { readonly taskId: string; readonly run: number },
  { message, kind }: { readonly message: string; readonly kind: 'info' | 'error' },
  context: EndLogContext = {},
): Promise<ArtifactRecord> {
  const { signal, attempts } = context;
  if (!(await logs.isFinished(taskId, run))) {
    expectNotGivenUp(context);
    const log = await RunLog.open(logs, taskId, run, context);
    const isFirst = attempts?.made === 1;
    if (isFirst || !(await log.endsWith(message))) log.say(message, kind);
    await log.flush();
  }
  return logs.finish(taskId, run, signal);
}
