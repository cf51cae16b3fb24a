import type { Stats } from 'node:fs';
import { constants, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 100;

/** Names of what this process has open already: what lies behind may be a file, and yet is no file of that name. */
const OPEN_ALREADY = /^\/dev\/(?:stdout|stderr|fd\/\d+)$|^\/proc\//;

/** Whether what is there is written into, and nothing can take its place: a device, a pipe, what is open already. */
export function isWrittenInPlace(path: string, found: Stats): boolean {
  return !found.isFile() || OPEN_ALREADY.test(path);
}

/** Opens what is there for writing, and leaves it what it is. A pipe without a reader is waited for, until the signal. */
export async function openInPlace(
  path: string,
  found: Stats,
  signal: AbortSignal,
): Promise<NodeJS.WritableStream> {
  if (found.isFIFO()) return openPipe(path, signal);
  const file = await open(path, found.isFile() ? 'a' : constants.O_WRONLY);
  return file.createWriteStream();
}

/** Nothing here blocks: a process cannot end while one of its threads waits for the other end of a pipe. */
async function openPipe(path: string, signal: AbortSignal): Promise<NodeJS.WritableStream> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      return new Socket({ fd, readable: false, writable: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    }
    await delay(LOOK_AGAIN_MS, undefined, { signal });
  }
}
