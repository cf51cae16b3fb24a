import type Docker from 'dockerode';
import { parseReference } from '../images/image-reference.ts';
import { chooseImage, takenBytes } from './choose-image.ts';
import { EngineContents } from './engine-contents.ts';
import type { Contents, ContentsOptions } from './engine-contents.ts';
import type { Removable } from './removable.ts';
import type { RemovedKept } from './remove-kept.ts';
import { removeOldestKept } from './remove-kept.ts';
import { unname } from './remove-image.ts';
import { unlessGone } from './unless-gone.ts';
import {
  heldName,
  isHeldBy,
  isOwnImage,
  isOwnOrPassing,
  isPulled,
  isUseName,
  namesOf,
  usedName,
} from './use-names.ts';

export interface RoomOptions extends ContentsOptions {
  /** Undefined: no limit. */
  readonly budgetBytes?: number | undefined;
  /** What is free on the disk that the engine writes on, where that can be seen. */
  readonly freeBytes?: () => Promise<number | undefined>;
  readonly onMadeRoom?: (made: MadeRoom) => void;
  /** That no room could be made, or less, is no reason for a load to fail. */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
}

export interface MadeRoom {
  readonly why: 'over the budget' | 'for what comes' | 'the disk is full';
  readonly removed: readonly {
    readonly what: (Removable | RemovedKept)['what'];
    readonly id: string;
    readonly names: readonly string[];
    readonly bytes: number;
    readonly lastUsed: string;
  }[];
  /** By images, caches of tasks, kept containers and build cache. */
  readonly freedBytes: number;
  readonly takenBytes: number;
  readonly budgetBytes?: number | undefined;
}

export interface RoomTaken {
  readonly images: number;
  readonly imageBytes: number;
  /** Of the cache that builds use. */
  readonly cacheBytes: number;
  /** Caches of tasks. */
  readonly caches: number;
  readonly taskCacheBytes: number;
}

/** An unpacked image beside what of it is being unpacked, for each byte of it in the store. */
const ROOM_FOR_A_BYTE = 3;

/**
 * Keeps what Slipway has in one engine under its disk budget. What is there, how large and how used it is, the engine is asked each time:
 * uses and holds are names in it, so that processes which share it know of each other's, and what is lost does no harm.
 */
export class EngineRoom {
  readonly #docker: Docker;
  readonly #options: RoomOptions;
  readonly #contents: EngineContents;
  /** One at a time in this process, or each would remove for what the other has removed already. */
  #last: Promise<unknown> = Promise.resolve();
  /** What was in use kept the budget from being kept; looked at again when it may have ended. */
  #isOver = false;

  constructor(docker: Docker, options: RoomOptions) {
    this.#docker = docker;
    this.#options = options;
    this.#contents = new EngineContents(docker, options);
  }

  /** What Slipway takes in this engine now. */
  async taken(): Promise<RoomTaken> {
    const { images, caches, buildCacheBytes } = await this.#contents.measure(Date.now());
    return {
      images: images.length,
      imageBytes: takenBytes(images),
      cacheBytes: buildCacheBytes,
      caches: caches.length,
      taskCacheBytes: takenBytes(caches),
    };
  }

  /** Says that an image was used now, or is about to be used by somebody who calls {@link release}. 404 when it is gone. */
  async use(image: string, holder?: string): Promise<void> {
    if (holder !== undefined) return this.#tag(image, heldName(holder, Date.now()));
    const found = await this.#docker.getImage(image).inspect();
    const names = namesOf(found);
    // Somebody else's image in somebody else's engine gets no names of ours.
    if (this.#options.isPrivate || names.every((name) => isOwnOrPassing(name) || isPulled(name, names)))
      await this.#markUsed(found.Id, names, () => false);
  }

  /** The same with a hold, of an image by the name that others serve it under: where it is not one that was there before. */
  async usePulled(image: string, holder: string): Promise<void> {
    const found = await this.#docker.getImage(image).inspect();
    if (this.#options.isPrivate || isOwnImage(found)) await this.#tag(found.Id, heldName(holder, Date.now()));
  }

  /** Lifts the holds of somebody, wherever they are. No error when there is none. */
  async release(holder: string): Promise<void> {
    const filters = { reference: ['slipway.invalid/held'] };
    for (const { Id } of await this.#docker.listImages({ filters: JSON.stringify(filters) })) {
      // A filtered list has only the names that it was asked for.
      const found = await unlessGone(this.#docker, Id, () => this.#docker.getImage(Id).inspect());
      if (!found) continue;
      const names = namesOf(found);
      if (names.some((name) => isHeldBy(name, holder)))
        await this.#markUsed(Id, names, (name) => isHeldBy(name, holder));
    }
  }

  /** Says that a cache was given back: {@link keepLater} looks what it takes now. */
  noteGrowth(): void {
    this.#contents.noteGrowth();
  }

  /** Removes what is over the budget. */
  keep(): Promise<MadeRoom | undefined> {
    const { budgetBytes } = this.#options;
    if (budgetBytes === undefined) return Promise.resolve(undefined);
    return this.#alone(async () => {
      if (!(await this.#contents.isSurelyBelow(budgetBytes)))
        return this.#shrink(() => budgetBytes, 'over the budget');
      this.#isOver = false;
      return undefined;
    });
  }

  /** The same where the last time too much was in use, or caches may have grown since. */
  async keepLater(): Promise<void> {
    if (this.#isOver || this.#contents.mayHaveGrown) await this.keep();
  }

  /** Makes room where the disk has foreseeably none for a stored image. */
  async prepareFor(storedBytes: number): Promise<MadeRoom | undefined> {
    const free = await this.#options.freeBytes?.().catch(() => undefined);
    const lacking = free === undefined ? 0 : storedBytes * ROOM_FOR_A_BYTE - free;
    if (lacking <= 0 || this.#options.budgetBytes === undefined) return undefined;
    return this.#alone(() => this.#free(lacking));
  }

  /** Removes so many bytes of what may be removed, and nothing where all of that is less. Undefined when nothing was removed. */
  async free(bytes: number): Promise<MadeRoom | undefined> {
    if (this.#options.budgetBytes === undefined) return undefined;
    return this.#alone(async () => {
      const contents = await this.#contents.measure(Date.now());
      return removableBytes(contents) < bytes ? undefined : this.#free(bytes, contents);
    });
  }

  /** Removes all that may be removed: the disk is full. Undefined when there was nothing. */
  async empty(): Promise<MadeRoom | undefined> {
    if (this.#options.budgetBytes === undefined) return undefined;
    return this.#alone(() => this.#shrink(() => 0, 'the disk is full'));
  }

  #free(bytes: number, measured?: Contents): Promise<MadeRoom | undefined> {
    return this.#shrink((taken) => Math.max(0, taken - bytes), 'for what comes', measured);
  }

  /** A kept container holds its image, and somebody may want to look into it: where the disk is not full yet it goes last. */
  async #shrink(
    limitOf: (takenBytes: number) => number,
    why: MadeRoom['why'],
    measured?: Contents,
  ): Promise<MadeRoom | undefined> {
    const made: Pick<MadeRoom, 'removed' | 'freedBytes'>[] = [];
    const note = (one: (typeof made)[number] | undefined): unknown => one && made.push(one);
    const isFull = why === 'the disk is full';
    if (!isFull) note(await this.#shrinkOnce(limitOf, measured));
    while (isFull || this.#isOver) {
      const kept = await removeOldestKept(this.#docker);
      if (!kept) break;
      note({ removed: [reported(kept)], freedBytes: kept.bytes });
      if (!isFull) note(await this.#shrinkOnce(limitOf));
    }
    if (isFull) note(await this.#shrinkOnce(limitOf));
    if (made.length === 0) return undefined;
    const { imageBytes, cacheBytes, taskCacheBytes } = await this.taken();
    const all: MadeRoom = {
      why,
      removed: made.flatMap(({ removed }) => removed),
      freedBytes: made.reduce((sum, { freedBytes }) => sum + freedBytes, 0),
      takenBytes: imageBytes + cacheBytes + taskCacheBytes,
      budgetBytes: this.#options.budgetBytes,
    };
    this.#options.onMadeRoom?.(all);
    return all;
  }

  async #shrinkOnce(
    limitOf: (takenBytes: number) => number,
    measured?: Contents,
  ): Promise<Pick<MadeRoom, 'removed' | 'freedBytes'> | undefined> {
    const { budgetBytes } = this.#options;
    const nowMs = Date.now();
    const { removable: images, buildCacheBytes: cache } = measured ?? (await this.#contents.measure(nowMs));
    const limitBytes = limitOf(takenBytes(images) + cache);
    this.#isOver = isOver(takenBytes(images) + cache, budgetBytes);
    if (takenBytes(images) + cache <= limitBytes) return undefined;
    // What was built takes longer to have again than images, which the store has: it keeps its half.
    const before = cache > limitBytes / 2 ? await this.#contents.pruneBuildCache(limitBytes / 2) : 0;
    const ofImages = await this.#remove(images, limitBytes - (cache - before), nowMs);
    const left = await this.#contents.buildCacheBytes();
    const keep = Math.max(0, limitBytes - takenBytes(ofImages.left));
    const after = left > keep ? await this.#contents.pruneBuildCache(keep) : 0;
    const taken = takenBytes(ofImages.left) + left - after;
    this.#isOver = isOver(taken, budgetBytes);
    const freedBytes = takenBytes(images) - takenBytes(ofImages.left) + before + after;
    if (ofImages.removed.length === 0 && before + after === 0) return undefined;
    return { removed: ofImages.removed.map(reported), freedBytes };
  }

  async #remove(
    measured: readonly Removable[],
    limitBytes: number,
    nowMs: number,
  ): Promise<{ readonly left: readonly Removable[]; readonly removed: readonly Removable[] }> {
    const removed: Removable[] = [];
    let left = measured;
    for (;;) {
      const next = chooseImage(left, { limitBytes, nowMs });
      if (!next) return { left, removed };
      if (await next.remove()) {
        removed.push(next);
        left = left.filter((one) => one !== next);
      } else {
        // Somebody uses it again.
        left = left.map((one) => (one === next ? { ...one, mayGo: false } : one));
      }
    }
  }

  #alone(work: () => Promise<MadeRoom | undefined>): Promise<MadeRoom | undefined> {
    const turn = this.#last.then(work).catch((error: unknown) => {
      this.#options.onTrouble?.(error);
      return undefined;
    });
    this.#last = turn;
    return turn;
  }

  /** The new name first: an image without any would be gone. */
  async #markUsed(id: string, names: readonly string[], isLifted: (name: string) => boolean): Promise<void> {
    const used = usedName(id, Date.now());
    await unlessGone(this.#docker, id, () => this.#tag(id, used));
    const old = names.filter((name) => name !== used && (isLifted(name) || isOld(name)));
    for (const name of old) await unname(this.#docker, name);
  }

  async #tag(image: string, name: string): Promise<void> {
    const { repository, tag } = parseReference(name);
    await this.#docker.getImage(image).tag({ repo: repository, tag: tag ?? '' });
  }
}

function removableBytes({ removable, buildCacheBytes }: Contents): number {
  return takenBytes(removable) - takenBytes(removable.filter(({ mayGo }) => !mayGo)) + buildCacheBytes;
}

function reported({
  what,
  id,
  names,
  bytes,
  lastUsedMs,
}: Removable | RemovedKept): MadeRoom['removed'][number] {
  const lastUsed = new Date(lastUsedMs).toISOString();
  return { what, id, names: names.filter((name) => !isUseName(name)), bytes, lastUsed };
}

function isOver(bytes: number, budgetBytes: number | undefined): boolean {
  return budgetBytes !== undefined && bytes > budgetBytes;
}

/** The mark of an earlier use. */
function isOld(name: string): boolean {
  return isUseName(name) && name.startsWith('slipway.invalid/used:');
}
