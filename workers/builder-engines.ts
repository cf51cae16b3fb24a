import { connectEngine } from '../docker/connect.ts';
import type { Engine } from '../docker/engine.ts';
import type { EngineDisk } from '../docker/room/disk-of-engine.ts';
import { diskOfEngine } from '../docker/room/disk-of-engine.ts';
import { ensureSidecar } from '../docker/sidecar/sidecar.ts';
import { isOutOfSpace } from '../docker/engine-errors.ts';
import type { ImageBuildFailed } from '../model/errors.ts';
import { ConfigInvalid, EngineOutOfSpace, EngineUnavailable, isSlipwayError } from '../model/errors.ts';
import { answers, watchEngine } from '../steps/engine-watch.ts';
import type { LendEngine } from '../steps/lend-engine.ts';
import { makeSidecarImage } from '../steps/make-sidecar-image.ts';
import type { BuilderSeat, SeatRow } from './builder-seat.ts';
import { roomOfEngine } from './room-of-engine.ts';
import { takeSeat, tryTakeSeat } from './builder-seat.ts';
import type { Lendable, Slot } from './engine-slot.ts';
import { ANSWER_MS, closeEngine, isAlive } from './engine-slot.ts';
import type { OneAtATime } from './one-at-a-time.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { Parts } from './parts.ts';
import type { SidecarKey } from './tidy-sidecars.ts';
import { tidySidecars } from './tidy-sidecars.ts';
import { unlessAborted } from '../model/unless-aborted.ts';

/** A sidecar that nobody builds in for this long is stopped; its data stays in its volume for a while. */
const IDLE_MS = 15 * 60_000;
const IDLE_CHECK_MS = 60_000;

/**
 * One engine per trust domain, made on demand: a sidecar of its own, or the engine that the configuration gives. What befalls
 * a sidecar is never a build's fault: one that is gone, hangs or is full is made anew, and the build is repeated.
 */
export class BuilderEngines {
  readonly #parts: Parts;
  readonly #slots = new Map<string, Slot>();
  /** Domains whose sidecar is just being stopped or removed: who wants to build in it waits for that. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #tidying: OneAtATime;
  readonly #idleTimer: NodeJS.Timeout;
  /** Domains whose sidecar was thrown away for want of space: what fails for that in the new one fails by its own fault. */
  readonly #emptied = new Set<string>();
  readonly #born = performance.now();
  readonly #closing = new AbortController();
  #seat: Promise<BuilderSeat> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#tidying = oneAtATime(() => this.#tidy());
    this.#idleTimer = setInterval(this.#tidying.ask, IDLE_CHECK_MS);
  }

  /** Lends the engine of a domain; while it is lent it is not stopped. A sidecar that died is made again. */
  lend: LendEngine = async (domain, signal, work) => {
    const slot = await this.#take(domain, signal);
    try {
      const { engine } = await unlessAborted(slot.opening, signal);
      using watch = watchEngine(engine, signal);
      try {
        // What is done with an engine that hangs may hang too, even its tidying up: it is not waited for.
        const result = await Promise.race([work(engine, watch.signal), watch.lost]);
        this.#emptied.delete(domain);
        return result;
      } catch (error) {
        signal.throwIfAborted();
        watch.signal.throwIfAborted();
        throw await this.#notTheBuilds(domain, slot, error);
      }
    } finally {
      await this.#giveBack(domain, slot);
    }
  };

  /** Lends the engine that the sidecars are containers of. */
  async lendHost<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    const { connections, store, credentials } = this.#parts;
    const engine = await connectEngine({
      address: connections.runnerEngine,
      blobs: store.blobs,
      reach: { kind: 'loopback' },
      fleet: connections.fleet,
      credentials,
    });
    try {
      return await work(engine);
    } finally {
      await engine.close();
    }
  }

  /** The same error, or what the engine's trouble makes of it. */
  async #notTheBuilds(domain: string, slot: Slot, error: unknown): Promise<unknown> {
    if (!isSlipwayError(error)) return error;
    const { engine, discard } = await slot.opening;
    if (error.type === 'ImageBuildFailed' && isOutOfSpace((error as ImageBuildFailed).lastWords)) {
      // A command's words about a full disk may be about a disk that others have filled: an empty one tells.
      if (!discard || this.#emptied.has(domain)) return error;
      slot.full = true;
      return new EngineOutOfSpace(`Docker Engine at ${engine.address}: ${error.message}`, { cause: error });
    }
    if (error.type === 'EngineOutOfSpace') slot.full = discard !== undefined;
    const byEngine = error.type !== 'ImageBuildFailed' || (await answers(engine, ANSWER_MS));
    if (byEngine) return error;
    return new EngineUnavailable(engine.address, `it went away in the middle: ${error.message}`, {
      cause: error,
    });
  }

  /** Closes the connections; sidecars go on, for whoever builds next. */
  async close(): Promise<void> {
    clearInterval(this.#idleTimer);
    this.#tidying.stop();
    this.#closing.abort(new Error('The builder ends'));
    const opened = await Promise.allSettled([...this.#slots.values()].map(({ opening }) => opening));
    for (const one of opened) if (one.status === 'fulfilled') await one.value.engine.close();
    await (await this.#seat?.catch(() => undefined))?.release();
  }

  /** Gives a slot that counts as lent already, so that it is not stopped between the look and the use. */
  async #take(domain: string, signal: AbortSignal): Promise<Slot> {
    const known = this.#slots.get(domain);
    if (known?.full)
      throw new EngineOutOfSpace(`The disk of the sidecar of "${domain}" is full; it is thrown away`);
    if (known) {
      known.lent += 1;
      // Whoever builds in it already watches it: what is lent is not closed under him.
      if (known.lent > 1 || (await isAlive(known, signal))) return known;
      known.lent -= 1;
      signal.throwIfAborted();
      this.#forget(domain, known);
      if (known.lent === 0) await closeEngine(known);
      return this.#take(domain, signal);
    }
    const slot: Slot = {
      // For whoever comes meanwhile too: the one who asked first may give up.
      opening: this.#open(domain, this.#closing.signal),
      lent: 1,
      idleSince: performance.now(),
      full: false,
    };
    this.#slots.set(domain, slot);
    slot.opening.catch(() => this.#forget(domain, slot));
    return slot;
  }

  async #open(domain: string, signal: AbortSignal): Promise<Lendable> {
    const { connections, level, store, credentials } = this.#parts;
    const { fleet, builderEngine, sidecarImage, layers, runnerEngine, runtimeDirectory } = connections;
    const { blobs } = store;
    if (builderEngine !== undefined) {
      const engine = await connectEngine({
        address: builderEngine,
        blobs,
        reach: { kind: 'loopback' },
        fleet,
        isShared: true,
        room: roomOfEngine(this.#parts, { address: builderEngine, what: 'builds' }),
        layers,
        credentials,
      });
      return { engine, stop: () => Promise.resolve() };
    }
    if (sidecarImage === undefined) {
      throw new ConfigInvalid(
        'No sidecar image and no SLIPWAY_BUILDER_DOCKER_HOST: this worker cannot build',
      );
    }
    this.#seat ??= takeSeat(this.#row);
    const { number: seat } = await this.#seat;
    await this.#leaving.get(domain);
    const sidecar = await ensureSidecar({
      host: runnerEngine,
      fleet,
      domain,
      level,
      seat,
      image: sidecarImage,
      makeImage: () =>
        this.lendHost((host) => makeSidecarImage(host, store, { image: sidecarImage, signal })),
      runtimeDirectory,
      signal,
    });
    const { address, reach } = sidecar;
    const room = roomOfEngine(this.#parts, { address, what: 'builds', host: await this.#hostDisk() });
    const engine = await connectEngine({ address, blobs, reach, fleet, layers, credentials, room });
    return { engine, stop: () => sidecar.stop(), discard: () => sidecar.remove() };
  }

  async #hostDisk(): Promise<EngineDisk> {
    const { rootDirectory } = await this.lendHost((host) => host.info());
    return { address: this.#parts.connections.runnerEngine, rootDirectory };
  }

  async #giveBack(domain: string, slot: Slot): Promise<void> {
    slot.lent -= 1;
    slot.idleSince = performance.now();
    if (slot.lent > 0) return;
    // One that was given up while it was lent.
    if (!slot.full && this.#slots.get(domain) !== slot) await closeEngine(slot);
    if (!slot.full) return;
    const { engine, discard } = await slot.opening;
    this.#emptied.add(domain);
    try {
      await engine.close();
      await discard?.();
      this.#parts.logger.warn({ domain }, 'The disk of a sidecar was full: it was thrown away');
    } catch (error) {
      this.#parts.logger.warn({ domain, error: String(error) }, 'A full sidecar could not be thrown away');
    } finally {
      this.#forget(domain, slot);
    }
  }

  async #tidy(): Promise<void> {
    await this.#stopIdle();
    await this.#tidyOthers().catch((error: unknown) =>
      this.#parts.logger.warn({ error: String(error) }, 'Sidecars that nobody builds in could not be found'),
    );
  }

  async #stopIdle(): Promise<void> {
    for (const [domain, slot] of this.#slots) {
      if (slot.lent > 0 || performance.now() - slot.idleSince < IDLE_MS) continue;
      this.#forget(domain, slot);
      await this.#leave(domain, async () => {
        const opened = await slot.opening.catch(() => undefined);
        await opened?.engine.close();
        await opened?.stop();
        this.#parts.logger.info({ domain }, 'Stopped an idle sidecar');
      }).catch((error: unknown) =>
        this.#parts.logger.warn({ domain, error: String(error) }, 'An idle sidecar could not be stopped'),
      );
    }
  }

  /** What builders before us have left running, and the data of those that nobody uses any more. */
  async #tidyOthers(): Promise<void> {
    const { fleet, builderEngine, runnerEngine: host, runtimeDirectory } = this.#parts.connections;
    if (builderEngine !== undefined || performance.now() - this.#born < IDLE_MS) return;
    const { level, logger } = this.#parts;
    await tidySidecars(
      { host, fleet, level, runtimeDirectory },
      {
        whileUnused: (sidecar, work) => this.#whileUnused(sidecar, work),
        disk: async () => diskOfEngine(await this.#hostDisk()),
        logger,
      },
    );
  }

  /** Of our own seat, or of one that nobody sits on any more and that is held meanwhile. */
  async #whileUnused({ domain, seat }: SidecarKey, work: () => Promise<void>): Promise<void> {
    const own = await (this.#seat ??= takeSeat(this.#row));
    if (seat === own.number) {
      if (!this.#slots.has(domain)) await this.#leave(domain, work);
      return;
    }
    const free = await tryTakeSeat(this.#row, seat);
    try {
      await (free && work());
    } finally {
      await free?.release();
    }
  }

  async #leave(domain: string, work: () => Promise<void>): Promise<void> {
    const leaving = work();
    this.#leaving.set(
      domain,
      leaving.catch(() => undefined),
    );
    try {
      await leaving;
    } finally {
      this.#leaving.delete(domain);
    }
  }

  get #row(): SeatRow {
    const { connections, level } = this.#parts;
    return { fleet: connections.fleet, level, host: connections.runnerEngine };
  }

  #forget(domain: string, slot: Slot): void {
    if (this.#slots.get(domain) === slot) this.#slots.delete(domain);
  }
}
