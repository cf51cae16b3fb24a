import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { OnProgress, Progress } from '../engine.ts';

/** What an engine says while it pushes, pulls or loads; only the members that are read here. */
interface EngineMessage {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string; readonly code?: number };
  readonly aux?: unknown;
}

/** A line longer than this is no message of an engine. */
const MAX_LINE_CHARS = 1024 * 1024;

/** Thrown for an error that an engine tells inside a stream which it began with status 200. */
export class EngineStreamError extends Error {
  readonly code: number | undefined;
  constructor(message: string, code: number | undefined) {
    super(message);
    this.code = code;
  }
}

/** Reads an engine's progress to its end and gives the `aux` members. @throws {EngineStreamError} */
export async function followProgress(stream: Readable, onProgress?: OnProgress): Promise<unknown[]> {
  const aux: unknown[] = [];
  let failed: EngineStreamError | undefined;
  for await (const message of messages(stream)) {
    const { error, errorDetail } = message;
    if (error !== undefined || errorDetail)
      failed ??= new EngineStreamError(errorDetail?.message ?? error ?? 'unknown error', errorDetail?.code);
    if (message.aux !== undefined) aux.push(message.aux);
    if (message.status && onProgress) onProgress(toProgress(message));
  }
  if (failed) throw failed;
  return aux;
}

function toProgress({ id, status, progressDetail }: EngineMessage): Progress {
  const { current, total } = progressDetail ?? {};
  return {
    message: id ? `${id}: ${status}` : String(status),
    ...(current === undefined ? {} : { bytes: current }),
    ...(total === undefined ? {} : { totalBytes: total }),
    ...(id ? { layer: id } : {}),
  };
}

async function* messages(stream: Readable): AsyncGenerator<EngineMessage> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.write(chunk as Buffer)).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARS) throw new EngineStreamError('a line without an end', undefined);
    for (const line of lines) if (line.trim()) yield JSON.parse(line) as EngineMessage;
  }
  if (rest.trim()) yield JSON.parse(rest) as EngineMessage;
}
