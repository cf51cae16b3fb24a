import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { createServer } from 'node:net';

/** Which of the builders of one fleet and level beside one engine a process is. */
export interface BuilderSeat {
  readonly number: number;
  /** Gives it free; the end of the process does so too. */
  release(): Promise<void>;
}

/** What builders must not share: each has sidecars, sockets and data of its own. */
export interface SeatRow {
  readonly fleet: string;
  readonly level: number;
  /** Address of the engine that the sidecars are containers of. */
  readonly host: string;
}

/**
 * Takes the lowest seat that nobody on this machine sits on, so that a builder that is started again finds the sidecars of
 * its predecessor, and two that run at once never share one.
 */
export async function takeSeat(row: SeatRow): Promise<BuilderSeat> {
  for (let number = 0; ; number += 1) {
    const seat = await tryTakeSeat(row, number);
    if (seat) return seat;
  }
}

/** Takes one seat, or gives undefined when somebody sits on it. */
export async function tryTakeSeat(row: SeatRow, number: number): Promise<BuilderSeat | undefined> {
  // Elsewhere there are no names that end with their process; a machine there has one builder a level.
  if (process.platform !== 'linux')
    return number === 0 ? { number, release: () => Promise.resolve() } : undefined;
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ path: `\0slipway-builder-${hashOf(row)}-${number}` });
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return { number, release: () => close(server) };
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  await once(server, 'close');
}

function hashOf({ fleet, level, host }: SeatRow): string {
  return createHash('sha256')
    .update(JSON.stringify([fleet, level, host]))
    .digest('hex')
    .slice(0, 16);
}
