import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';

/** A client opens its session while it asks for the build: within this time, or it never does. */
const PATIENCE_MS = 5_000;

/**
 * The sessions of clients that build with BuildKit. A client whose build is refused while its session is being opened forgets to
 * close that, and waits for ever: the refusal has to come once the client serves the session, which is when it first says something.
 */
export class ClientSessions {
  readonly #served = new Set<string>();
  readonly #events = new EventEmitter().setMaxListeners(0);

  /** A client's connection has become its session. */
  open(session: string, socket: Socket): void {
    socket.once('data', () => {
      this.#served.add(session);
      this.#events.emit(session);
    });
    socket.once('close', () => this.#served.delete(session));
  }

  async untilServed(session: string): Promise<void> {
    if (this.#served.has(session)) return;
    await once(this.#events, session, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => undefined);
  }
}
