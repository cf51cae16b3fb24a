import type { Level } from '../../model/pure/ids.ts';

/** A cache as a task asks for it. */
export interface WantedCache {
  readonly name: string;
  /** Where it is mounted. */
  readonly path: string;
  /** Whether tasks of another image have another cache. */
  readonly perImage: boolean;
}

/** The run that a cache is taken for. */
export interface CacheHolder {
  readonly task: string;
  readonly run: number;
}

export interface CacheOwner extends CacheHolder {
  readonly domain: string;
  readonly level: Level;
  /** The engine's id of the image that the run uses. */
  readonly engineImageId: string;
}

/** One instance of a cache, for one run alone. */
export interface TakenCache {
  readonly name: string;
  readonly path: string;
  /** The volume to mount, and the labels that it has. */
  readonly volume: string;
  readonly labels: Readonly<Record<string, string>>;
  /** When the run that had it last gave it back (ISO); absent: it is new and empty. */
  readonly lastUsed?: string;
}

/**
 * Caches of one engine. Who has which instance is written in the engine, so that it outlasts every worker and all workers
 * beside the engine know of it.
 */
export interface EngineCaches {
  /**
   * Takes an instance of each cache for a run: what the run has already, else the one that was used last of those that
   * nobody has, else a new one. However many ask at once, no two runs get the same.
   */
  take(
    wanted: readonly WantedCache[],
    owner: CacheOwner,
    signal: AbortSignal,
  ): Promise<readonly TakenCache[]>;
  /**
   * Gives back what a run has taken, once its container is removed; with `purge` the instances are removed. Gives their
   * names. Safe to repeat.
   */
  release(holder: CacheHolder, options: { readonly purge: boolean }): Promise<readonly string[]>;
}
