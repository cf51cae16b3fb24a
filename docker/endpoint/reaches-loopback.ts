import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { statusCodeOf } from '../engine-errors.ts';
import { jsonLines } from '../json-lines.ts';

/** An engine on this machine comes within milliseconds; a proxy in between may swallow the request. */
const PATIENCE_MS = 10_000;

/**
 * Whether an engine shares our 127.0.0.1. It does not in a virtual machine (Docker Desktop), in a network namespace of its own
 * (rootless) and on another machine. Asks it to pull from a port of ours and sees whether it comes; leaves nothing behind.
 * Undefined: it was busy and neither came nor said that it does not get there. What is thrown is that the engine itself did
 * not answer.
 */
export async function reachesLoopback(docker: Docker, signal?: AbortSignal): Promise<boolean | undefined> {
  const came = new AbortController();
  // Cut at once: the engine needs no answer, only we do.
  const server = createServer((socket) => {
    came.abort();
    socket.on('error', () => undefined).destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const abortSignal = AbortSignal.any([came.signal, patience, ...(signal ? [signal] : [])]);
  try {
    const answer = await docker.pull(`127.0.0.1:${port}/slipway/probe:none`, { abortSignal });
    for await (const _ of jsonLines(answer as Readable)) if (came.signal.aborted) break;
  } catch (error) {
    signal?.throwIfAborted();
    if (!abortSignal.aborted && statusCodeOf(error) === undefined) throw error;
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
  return came.signal.aborted || (patience.aborted ? undefined : false);
}
