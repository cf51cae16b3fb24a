import type Docker from 'dockerode';
import { parseReference } from '../images/image-reference.ts';
import { chooseImage, takenBytes } from './choose-image.ts';
import type { EngineBudget } from './disk-of-engine.ts';
import { EngineContents } from './engine-contents.ts';
import type { Contents, ContentsOptions } from './engine-contents.ts';
import { imagesHeldBy, renewHold } from './held-images.ts';
import type { MadeRoom, Removed } from './made-room.ts';
import { reported } from './made-room.ts';
import type { Removable } from './removable.ts';
import { removeByUse } from './remove-by-use.ts';
import { removeOldestKept } from './remove-kept.ts';
import { unname } from './remove-image.ts';
import { unlessGone } from './unless-gone.ts';
import {
  heldName,
  isHeldBy,
  isOwnImage,
  isOwnOrPassing,
  isPast,
  isPulled,
  namesOf,
  usedName,
} from './use-names.ts';

export interface RoomOptions extends ContentsOptions {
  /** Undefined: no limit, and nothing is ever removed. Of one that is not known nothing is over, and only a full disk is a reason. */
  readonly budgetBytes?: EngineBudget;
  /** What is free on the disk that the engine writes on, where that can be seen. */
  readonly freeBytes?: () => Promise<number | undefined>;
  readonly onMadeRoom?: (made: MadeRoom) => void;
  /** That no room could be made, or less, is no reason for a load to fail. */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
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

type IsShort = () => Promise<boolean>;

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
    const { images, caches, unmeasured, buildCacheBytes } = await this.#contents.measure(Date.now());
    return {
      images: images.length,
      imageBytes: takenBytes(images),
      cacheBytes: buildCacheBytes,
      caches: caches.length + unmeasured.length,
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

  /** The same with a hold, of an image by the name that others serve it under, or its id: where it is not one that was there before. */
  async usePulled(image: string, holder: string): Promise<void> {
    const found = await this.#docker.getImage(image).inspect();
    if (this.#options.isPrivate || isOwnImage(found)) await this.#tag(found.Id, heldName(holder, Date.now()));
  }

  /** Lifts the holds of somebody, wherever they are. No error when there is none. */
  async release(holder: string): Promise<void> {
    for await (const { id, names } of imagesHeldBy(this.#docker, holder))
      await this.#markUsed(id, names, (name) => isHeldBy(name, holder));
  }

  /** Has the holds of somebody begin now. No error when there is none. */
  async renew(holder: string): Promise<void> {
    for await (const held of imagesHeldBy(this.#docker, holder)) await renewHold(this.#docker, held, holder);
  }

  /** Says that a cache was given back: {@link keepLater} looks what it takes now. */
  noteGrowth(): void {
    this.#contents.noteGrowth();
  }

  /** Removes what is over the budget. */
  keep(): Promise<MadeRoom | undefined> {
    const budgetBytes = this.#limitBytes;
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
    const free = await this.#freeBytes();
    const lacking = free === undefined ? 0 : storedBytes * ROOM_FOR_A_BYTE - free;
    if (lacking <= 0 || this.#options.budgetBytes === undefined) return undefined;
    return this.#alone(() => this.#free(lacking));
  }

  /**
   * Removes so many bytes of what may be removed, and nothing where all of that is less; where it is not known what caches take, those
   * that were unused for longest until so much is free. Undefined when nothing was removed.
   */
  async free(bytes: number): Promise<MadeRoom | undefined> {
    if (this.#options.budgetBytes === undefined) return undefined;
    return this.#alone(async () => {
      const contents = await this.#contents.measure(Date.now());
      if (removableBytes(contents) >= bytes) return this.#free(bytes, contents);
      const removed = await this.#removeUnmeasured(await this.#untilFreed(bytes));
      return removed && this.#tell('for what comes', [removed]);
    });
  }

  /** Removes all that may be removed: the disk is full. Undefined when there was nothing. */
  async empty(): Promise<MadeRoom | undefined> {
    if (this.#options.budgetBytes === undefined) return undefined;
    const isShort = (): Promise<boolean> => Promise.resolve(true);
    return this.#alone(() => this.#shrink(() => 0, 'the disk is full', { isShort }));
  }

  async #free(bytes: number, measured?: Contents): Promise<MadeRoom | undefined> {
    const isShort = await this.#untilFreed(bytes);
    const limitOf = (taken: number): number => Math.max(0, taken - bytes);
    return this.#shrink(limitOf, 'for what comes', { measured, isShort });
  }

  /** A kept container holds its image, and somebody may want to look into it: where the disk is not full yet it goes last. */
  async #shrink(
    limitOf: (takenBytes: number) => number,
    why: MadeRoom['why'],
    { measured, isShort }: { readonly measured?: Contents | undefined; readonly isShort?: IsShort } = {},
  ): Promise<MadeRoom | undefined> {
    const made: Removed[] = [];
    const note = (one: Removed | undefined): unknown => one && made.push(one);
    const isFull = why === 'the disk is full';
    if (!isFull) note(await this.#shrinkOnce(limitOf, measured));
    while (isFull || this.#isOver) {
      const kept = await removeOldestKept(this.#docker);
      if (!kept) break;
      note({ removed: [reported(kept)], freedBytes: kept.bytes });
      if (!isFull) note(await this.#shrinkOnce(limitOf));
    }
    if (isFull) note(await this.#shrinkOnce(limitOf));
    if (isShort) note(await this.#removeUnmeasured(isShort));
    return made.length === 0 ? undefined : this.#tell(why, made);
  }

  async #tell(why: MadeRoom['why'], made: readonly Removed[]): Promise<MadeRoom> {
    const { imageBytes, cacheBytes, taskCacheBytes } = await this.taken();
    const all: MadeRoom = {
      why,
      removed: made.flatMap(({ removed }) => removed),
      freedBytes: made.reduce((sum, { freedBytes }) => sum + freedBytes, 0),
      takenBytes: imageBytes + cacheBytes + taskCacheBytes,
      budgetBytes: this.#limitBytes,
    };
    this.#options.onMadeRoom?.(all);
    return all;
  }

  /** Caches of which nothing is known but their last use. */
  async #removeUnmeasured(isShort: IsShort): Promise<Removed | undefined> {
    const { unmeasured } = await this.#contents.caches();
    const removed = await removeByUse(unmeasured, isShort);
    return removed.length === 0 ? undefined : { removed: removed.map(reported), freedBytes: 0 };
  }

  /** Short while less is free than so many bytes more than now; never where that cannot be seen. */
  async #untilFreed(bytes: number): Promise<IsShort> {
    const before = (await this.#freeBytes()) ?? -Infinity;
    return async () => ((await this.#freeBytes()) ?? Infinity) < before + bytes;
  }

  get #limitBytes(): number | undefined {
    const { budgetBytes } = this.#options;
    return budgetBytes === 'unknown' ? undefined : budgetBytes;
  }

  async #freeBytes(): Promise<number | undefined> {
    return this.#options.freeBytes?.().catch(() => undefined);
  }

  async #shrinkOnce(
    limitOf: (takenBytes: number) => number,
    measured?: Contents,
  ): Promise<Removed | undefined> {
    const budgetBytes = this.#limitBytes;
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
    const old = names.filter((name) => name !== used && (isLifted(name) || isPast(name, Date.now())));
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

function isOver(bytes: number, budgetBytes: number | undefined): boolean {
  return budgetBytes !== undefined && bytes > budgetBytes;
}
