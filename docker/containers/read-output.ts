import { once } from 'node:events';
import { PassThrough, pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { OutputStreams } from '../engine.ts';
import { unlessStatus } from '../engine-errors.ts';
import { demultiplex } from './demultiplex.ts';
import { waitForExit } from './wait-for-exit.ts';

const BOTH = 'both';

/**
 * The output of a started container from its beginning, ending when it has exited. What the engine leaves out when it is
 * followed to the end (the last line, now and then) is read again afterwards.
 */
export async function readOutput(
  container: Docker.Container,
  {
    signal,
    toError,
    of = BOTH,
  }: {
    readonly signal: AbortSignal;
    readonly toError: (error: unknown) => unknown;
    readonly of?: OutputStreams | undefined;
  },
): Promise<Readable> {
  const closed = new AbortController();
  const abort = AbortSignal.any([signal, closed.signal]);
  const out = new PassThrough();
  out.once('close', () => closed.abort());

  const live = await open(container, of, abort);
  const copyAll = async (): Promise<void> => {
    const liveBytes = await copy(live, out, { skipBytes: 0, abort });
    // The engine tells the exit only after it has written all output down.
    await unlessStatus([404], () => waitForExit(container, abort));
    // 404: removed, there is no more to read.
    const whole = await unlessStatus([404, 409], () => open(container, of, abort));
    if (whole) await copy(whole, out, { skipBytes: liveBytes, abort });
  };
  copyAll().then(
    () => out.end(),
    (error: unknown) => out.destroy(toError(error) as Error),
  );
  return out;
}

/** Of a container that has exited this ends by itself. */
async function open(container: Docker.Container, of: OutputStreams, abort: AbortSignal): Promise<Readable> {
  const options = {
    follow: true,
    stdout: of !== 'stderr',
    stderr: of !== 'stdout',
    abortSignal: abort,
  } as const;
  return (await container.logs(options)) as Readable;
}

/** Writes what is left of a framed stream after its first bytes, and gives the length of all of it. */
async function copy(
  framed: Readable,
  out: PassThrough,
  { skipBytes, abort }: { readonly skipBytes: number; readonly abort: AbortSignal },
): Promise<number> {
  // An error of the stream destroys what comes after it, and so ends the loop below.
  const output = pipeline(framed, demultiplex(), () => undefined);
  let seenBytes = 0;
  for await (const chunk of output as AsyncIterable<Buffer>) {
    const rest = chunk.subarray(Math.min(chunk.length, Math.max(0, skipBytes - seenBytes)));
    seenBytes += chunk.length;
    if (rest.length > 0 && !out.write(rest)) await once(out, 'drain', { signal: abort });
  }
  return seenBytes;
}
