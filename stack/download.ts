import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import http from 'node:http';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
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
  /** Says which proxy to go by, if any: `HTTPS_PROXY` and its kind. */
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly note: Note;
  /** Nothing heard for this long ends one attempt. */
  readonly silenceMs?: number;
}

const SILENCE_MS = 15_000;
/** In a row, without a byte. */
const VAIN_ATTEMPTS = 3;
const FIRST_PAUSE_MS = 500;
const MAX_REDIRECTS = 10;
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

/** Whether a server answers for an address, by the same way as a download from it. */
export function answers(
  url: string,
  { env, signal }: Pick<DownloadOptions, 'env' | 'signal'>,
): Promise<boolean> {
  return ask(url, { method: 'HEAD', headers: {}, env, signal }).then(
    (answer) => {
      answer.destroy();
      // Of a proxy these are its own words.
      return (answer.statusCode ?? 0) < 500;
    },
    () => false,
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
    const answer = await followed(url, { headers, env: options.env, signal });
    const { statusCode = 0 } = answer;
    if (statusCode === 200 || statusCode === 206)
      return await receive(answer, path, { ...options, from, signal, onChunk: () => timer.refresh() });
    answer.destroy();
    // The file is as long as what is here.
    if (statusCode === 416) return;
    if (statusCode >= 500 || statusCode === 429) throw new Interrupted(`HTTP ${statusCode}`);
    throw new DownloadFailed(`${url} answers HTTP ${statusCode}`);
  } catch (error) {
    throw silence.signal.aborted ? silence.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

interface Question {
  /** Default: `GET`. */
  readonly method?: 'HEAD';
  readonly headers: Readonly<Record<string, string>>;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** The answer of wherever an address leads to. */
async function followed(url: string, question: Question): Promise<IncomingMessage> {
  let target = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const answer = await ask(target, question);
    const { statusCode = 0, headers } = answer;
    if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) return answer;
    answer.destroy();
    target = new URL(headers.location, target).href;
  }
  throw new DownloadFailed(`${url} leads elsewhere more than ${MAX_REDIRECTS} times`);
}

/** Not by `fetch`: that goes by a proxy only where the whole process does, and Temporal and the store are reached directly. */
function ask(url: string, { env, ...options }: Question): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = url.startsWith('http:')
      ? http.get(url, { ...options, agent: new http.Agent({ proxyEnv: env }) })
      : https.get(url, { ...options, agent: new https.Agent({ proxyEnv: env }) });
    request.on('response', resolve).on('error', reject);
  });
}

async function receive(
  answer: IncomingMessage,
  path: string,
  options: DownloadOptions & {
    readonly progress: { noted: number };
    readonly from: number;
    readonly onChunk: () => void;
  },
): Promise<void> {
  const start = answer.statusCode === 206 ? options.from : 0;
  const total = start + Number(answer.headers['content-length']);
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
    // Not the answer itself: of one that has come whole `pipeline` may wait for ever when the file fails.
    await pipeline(answer.iterator(), watch, file, { signal: options.signal });
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

function asDownloadFailed(url: string, error: unknown): DownloadFailed {
  if (error instanceof DownloadFailed) return error;
  // Of several addresses of one host none has said more than that.
  const { message, code } = error as NodeJS.ErrnoException;
  return new DownloadFailed(`${url}: ${message || code}`, { cause: error });
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
