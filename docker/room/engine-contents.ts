import type Docker from 'dockerode';
import { BuildCache } from './build-cache.ts';
import { takenBytes } from './choose-image.ts';
import { measureCaches } from './measure-caches.ts';
import type { Caches } from './measure-caches.ts';
import { boundImages, measureImages } from './measure-images.ts';
import type { Removable } from './removable.ts';
import { VolumeSizes } from './volume-sizes.ts';

export interface Contents {
  readonly images: readonly Removable[];
  /** Of tasks. */
  readonly caches: readonly Removable[];
  /** Images and caches. */
  readonly removable: readonly Removable[];
  /** Caches whose sizes the engine did not tell. */
  readonly unmeasured: readonly Removable[];
  readonly buildCacheBytes: number;
}

export interface ContentsOptions {
  /** Nobody but Slipway uses this engine: its build cache is Slipway's too. */
  readonly isPrivate: boolean;
  readonly onTrouble?: ((error: unknown) => void) | undefined;
}

/**
 * What Slipway has in an engine. Caches whose sizes the engine cannot tell, and its build cache, take nothing of a budget until it has
 * rested; the rest can go all the same, and where room is short so can they.
 */
export class EngineContents {
  readonly #docker: Docker;
  readonly #isPrivate: boolean;
  readonly #volumeSizes: VolumeSizes;
  readonly #buildCache: BuildCache | undefined;
  #mayHaveGrown = false;

  constructor(docker: Docker, { isPrivate, onTrouble }: ContentsOptions) {
    this.#docker = docker;
    this.#isPrivate = isPrivate;
    this.#volumeSizes = new VolumeSizes(docker, (error) => {
      this.#mayHaveGrown = true;
      onTrouble?.(error);
    });
    this.#buildCache = isPrivate ? new BuildCache(docker, onTrouble) : undefined;
  }

  /** Says that a cache was given back. */
  noteGrowth(): void {
    this.#mayHaveGrown = true;
  }

  /** Whether caches may be larger than was told, and the engine would be asked now. */
  get mayHaveGrown(): boolean {
    return this.#mayHaveGrown && this.#volumeSizes.isRested;
  }

  async measure(nowMs: number): Promise<Contents> {
    const images = await measureImages(this.#docker, { isPrivate: this.#isPrivate, nowMs });
    const { measured: caches, unmeasured } = await this.caches();
    const buildCacheBytes = await this.buildCacheBytes();
    return { images, caches, removable: [...images, ...caches], unmeasured, buildCacheBytes };
  }

  /** Caches of tasks alone. */
  caches(): Promise<Caches> {
    this.#mayHaveGrown &&= !this.#volumeSizes.isRested;
    return measureCaches(this.#docker, this.#volumeSizes);
  }

  /** Whether all of it takes less than that; asks little where it takes much less. */
  async isSurelyBelow(limitBytes: number): Promise<boolean> {
    const images = await boundImages(this.#docker, { isPrivate: this.#isPrivate });
    const bytes = images + (await this.buildCacheBytes());
    if (bytes > limitBytes) return false;
    return bytes + takenBytes((await this.caches()).measured) <= limitBytes;
  }

  async buildCacheBytes(): Promise<number> {
    return (await this.#buildCache?.bytes()) ?? 0;
  }

  /** Gives the bytes freed. */
  async pruneBuildCache(keepBytes: number): Promise<number> {
    return (await this.#buildCache?.prune(keepBytes)) ?? 0;
  }
}
