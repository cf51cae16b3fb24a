import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { InternalError, isSlipwayError } from '../model/errors.ts';
import type { Digest } from '../model/pure/ids.ts';
import { COLLECTION_KEY } from './keys.ts';
import type { ObjectStore } from './object-store.ts';

/**
 * A collection whose sign of life has not changed for this long is nobody's any more: its process is dead, or has given up
 * long before. Measured by whoever waits, so that no clocks are compared.
 */
export const SILENT_MS = 60_000;
/** A collector that has given no sign for this part of it takes nothing more away. */
const STILL_MINE = 1 / 4;
const SIGN_EVERY = 1 / 12;
const POLL_MS = 250;

/** `blobs/collection.json`: changes with each sign of life. */
const collectionSchema = z.object({
  version: z.literal(1),
  collector: z.string(),
  signs: z.number(),
  /** What is being taken away at this moment. */
  condemned: z.array(z.string()),
});

/**
 * One collection of the blobs at a time. What it takes away it first says in the store, so that whoever has just found a
 * blob there knows, and waits for the end of it.
 */
export class Collection {
  readonly #objects: ObjectStore;
  readonly #collector = randomUUID();
  readonly #silentMs: number;
  #signs = 0;
  #etag = '';
  #signedMs = 0;
  #signing: Promise<void> | undefined;

  private constructor(objects: ObjectStore, silentMs: number) {
    this.#objects = objects;
    this.#silentMs = silentMs;
  }

  /** Begins one; undefined when another one is going on. One that has died is taken over after a while. */
  static async begin(
    objects: ObjectStore,
    { signal, silentMs = SILENT_MS }: { readonly signal?: AbortSignal; readonly silentMs?: number } = {},
  ): Promise<Collection | undefined> {
    const collection = new Collection(objects, silentMs);
    const found = await objects.head(COLLECTION_KEY, signal);
    if (found && !(await staysSilent(objects, found.etag, { signal, silentMs }))) return undefined;
    try {
      await collection.#sign([], found ? { etag: found.etag } : 'absent');
      return collection;
    } catch (error) {
      if (isSlipwayError(error) && error.type === 'WriteConflict') return undefined;
      throw error;
    }
  }

  /** Gives a sign of life, if it is time for one. @throws {InternalError} when another collector has taken over. */
  goOn(): Promise<void> {
    if (performance.now() - this.#signedMs <= this.#silentMs * SIGN_EVERY) return Promise.resolve();
    this.#signing ??= this.condemn([]).finally(() => (this.#signing = undefined));
    return this.#signing;
  }

  /** Says what is taken away from now on, instead of what was said before. @throws {InternalError} as above. */
  async condemn(digests: readonly Digest[]): Promise<void> {
    try {
      await this.#sign(digests, { etag: this.#etag });
    } catch (error) {
      if (isSlipwayError(error) && error.type === 'WriteConflict') throw takenOver();
      throw error;
    }
  }

  /** Asked right before something is taken away. @throws {InternalError} when this process stood still for too long. */
  expectMine(): void {
    if (performance.now() - this.#signedMs > this.#silentMs * STILL_MINE) throw takenOver();
  }

  /** To be called only when nothing that was asked for is under way any more. */
  async end(): Promise<void> {
    await this.#objects.deleteIf(COLLECTION_KEY, this.#etag);
  }

  async #sign(condemned: readonly Digest[], onlyIf: 'absent' | { readonly etag: string }): Promise<void> {
    const startedMs = performance.now();
    this.#signs += 1;
    const value = { version: 1, collector: this.#collector, signs: this.#signs, condemned };
    const body = Buffer.from(JSON.stringify(value));
    const { etag } = await this.#objects.put(COLLECTION_KEY, body, {
      onlyIf,
      contentType: 'application/json',
    });
    this.#etag = etag;
    this.#signedMs = startedMs;
  }
}

/** What is known here of collections that have died: they are not waited for twice. */
export type DeadCollections = Set<string>;

/** Waits while a blob is being taken away; gives whether it had to. */
export async function outwaitCollection(
  objects: ObjectStore,
  digest: Digest,
  {
    dead,
    signal,
    silentMs = SILENT_MS,
  }: {
    readonly dead: DeadCollections;
    readonly signal?: AbortSignal | undefined;
    readonly silentMs?: number | undefined;
  },
): Promise<boolean> {
  let seen = { etag: '', sinceMs: 0 };
  for (let waited = false; ; waited = true) {
    const found = await objects.get(COLLECTION_KEY, signal);
    if (!found || dead.has(found.info.etag) || !condemns(found.body, digest)) return waited;
    if (seen.etag !== found.info.etag) seen = { etag: found.info.etag, sinceMs: performance.now() };
    else if (performance.now() - seen.sinceMs > silentMs) dead.add(seen.etag);
    await delay(Math.min(POLL_MS, silentMs), undefined, { signal });
  }
}

function condemns(body: Buffer, digest: Digest): boolean {
  const text = body.toString('utf8');
  // Whatever is written there, nothing but a collection of ours makes anybody wait.
  if (!text.includes(digest)) return false;
  try {
    return collectionSchema.parse(JSON.parse(text)).condemned.includes(digest);
  } catch {
    return false;
  }
}

async function staysSilent(
  objects: ObjectStore,
  etag: string,
  { signal, silentMs }: { readonly signal: AbortSignal | undefined; readonly silentMs: number },
): Promise<boolean> {
  const startedMs = performance.now();
  while (performance.now() - startedMs <= silentMs) {
    await delay(silentMs * (SIGN_EVERY / 2), undefined, { signal });
    if ((await objects.head(COLLECTION_KEY, signal))?.etag !== etag) return false;
  }
  return true;
}

function takenOver(): InternalError {
  return new InternalError('This collection stood still for too long, and another one may have taken over');
}
