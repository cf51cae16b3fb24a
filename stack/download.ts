import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as delay } from 'node:timers/promises';
import type { Note } from './report-step.ts';

/** Thrown when a file cannot be had; the message is for people. */
export class DownloadFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DownloadFailed';
  }
}

export interface DownloadOptions {
  readonly sha256: string;
  readonly signal: AbortSignal;
  readonly note: Note;
  /** Nothing heard for this long ends one attempt. */
  readonly silenceMs?: number;
}

const SILENCE_MS = 15_000;
/** In a row, without a byte. */
const VAIN_ATTEMPTS = 3;
const FIRST_PAUSE_MS = 500;
const NOTE_EVERY_MS = 5_000;

/**
 * Downloads a file and checks its SHA-256. A body that was cut goes on where it ended, also when `path` was left by a process
 * that was killed; where nothing comes at all it gives up at once. @throws {DownloadFailed} and leaves nothing when the file is not the right one.
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  const began = await sizeOf(path);
  const isWhole = await fetchRest(url, path, options);
  let found = await sha256Of(path, options.signal);
  if (found !== options.sha256 && (began > 0 || !isWhole)) {
    // Its parts may be of different files: once more, from its beginning.
    await rm(path, { force: true });
    await fetchRest(url, path, options);
    found = await sha256Of(path, options.signal);
  }
  if (found === options.sha256) return;
  await rm(path, { force: true });
  throw new DownloadFailed(
    `${url} is not the file that it should be: its SHA-256 is ${found}, not ${options.sha256}`,
  );
}

/** Gets what the file lacks; whether all of it came in one answer. */
async function fetchRest(url: string, path: string, options: DownloadOptions): Promise<boolean> {
  const progress = { noted: Date.now() };
  let vain = 0;
  for (let attempt = 0; ; attempt += 1) {
    const before = await sizeOf(path);
    try {
      await fetchOnce(url, path, { ...options, progress });
      return attempt === 0;
    } catch (error) {
      options.signal.throwIfAborted();
      const after = await sizeOf(path);
      vain = after > before ? 0 : vain + 1;
      // Without an answer, from the beginning on, there is no internet, or not to there.
      const isHopeless = error instanceof DownloadFailed || (after === 0 && !(error instanceof Interrupted));
      if (isHopeless || vain >= VAIN_ATTEMPTS) throw asDownloadFailed(url, error);
      await delay(FIRST_PAUSE_MS * 2 ** vain, undefined, { signal: options.signal });
    }
  }
}

async function fetchOnce(
  url: string,
  path: string,
  options: DownloadOptions & { readonly progress: { noted: number } },
): Promise<void> {
  const silenceMs = options.silenceMs ?? SILENCE_MS;
  const silence = new AbortController();
  const timer = setTimeout(
    () => silence.abort(new Error(`no answer within ${silenceMs / 1000} s`)),
    silenceMs,
  );
  const signal = AbortSignal.any([options.signal, silence.signal]);
  const from = await sizeOf(path);
  try {
    const headers = { 'accept-encoding': 'identity', ...(from > 0 ? { range: `bytes=${from}-` } : {}) };
    const answer = await fetch(url, { headers, redirect: 'follow', signal });
    // The file is as long as what is here.
    if (answer.status === 416) return await answer.body?.cancel();
    if (answer.status >= 500 || answer.status === 429) throw new Interrupted(`HTTP ${answer.status}`);
    if (!answer.ok || !answer.body) throw new DownloadFailed(`${url} answers HTTP ${answer.status}`);
    await receive(answer, answer.body as ReadableStream, path, {
      ...options,
      from,
      signal,
      onChunk: () => timer.refresh(),
    });
  } catch (error) {
    throw silence.signal.aborted ? silence.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

async function receive(
  answer: Response,
  body: ReadableStream,
  path: string,
  options: DownloadOptions & {
    readonly progress: { noted: number };
    readonly from: number;
    readonly onChunk: () => void;
  },
): Promise<void> {
  const start = answer.status === 206 ? options.from : 0;
  const total = start + Number(answer.headers.get('content-length') ?? Number.NaN);
  let received = start;
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      options.onChunk();
      received += chunk.length;
      sayHowFar(options, received, total);
      done(null, chunk);
    },
  });
  try {
    const file = createWriteStream(path, { flags: start > 0 ? 'a' : 'w' });
    await pipeline(Readable.fromWeb(body), watch, file, { signal: options.signal });
  } catch (error) {
    const { syscall, message } = error as NodeJS.ErrnoException;
    // Of the file: we write nothing into the connection.
    if (syscall === 'open' || syscall === 'write') throw new DownloadFailed(message, { cause: error });
    throw new Interrupted('the connection was cut', { cause: error });
  }
  if (received < total) throw new Interrupted(`the answer ended after ${received} of ${total} bytes`);
}

function sayHowFar(
  { note, progress }: DownloadOptions & { readonly progress: { noted: number } },
  received: number,
  total: number,
): void {
  if (Date.now() - progress.noted < NOTE_EVERY_MS) return;
  progress.noted = Date.now();
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  note(`${megabytes(received)}${Number.isNaN(total) ? '' : ` of ${megabytes(total)}`} MB`);
}

/** The server is there, but asks for patience or stopped in the middle. */
class Interrupted extends Error {}

/** What `fetch` says is in its cause. */
function asDownloadFailed(url: string, error: unknown): DownloadFailed {
  if (error instanceof DownloadFailed) return error;
  const { message, cause } = error as Error;
  const why = cause instanceof Error && cause.message !== '' ? cause.message : message;
  return new DownloadFailed(`${url}: ${why}`, { cause: error });
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}
