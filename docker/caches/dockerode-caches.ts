import type Docker from 'dockerode';
import { EngineRequestFailed } from '../../model/errors.ts';
import { inEngine } from '../engine-errors.ts';
import { KIND, LABEL } from '../labels.ts';
import type { CacheKey } from './cache-volumes.ts';
import {
  cacheKey,
  heldLabels,
  heldName,
  instanceLabels,
  instanceName,
  isHeldBy,
  isHold,
  usedLabels,
  usedName,
} from './cache-volumes.ts';
import type { CacheHolder, CacheOwner, EngineCaches, TakenCache, WantedCache } from './engine-caches.ts';
import { removeKeptWith } from '../kept/remove-kept-with.ts';
import { dropStaleHold } from './remove-cache.ts';
import { labelsOfVolume, listVolumes, makeVolume, mountedVolumes, removeVolume } from '../volumes.ts';

/** More instances of one cache than an engine ever runs tasks at once. */
const MAX_INSTANCES = 1_000;

export interface CachesOptions {
  readonly docker: Docker;
  readonly address: string;
  readonly fleet: string;
  /** Told when one was given back, which may have grown. */
  readonly onReleased: () => void;
}

/** Caches of one engine as volumes of it. */
export class DockerodeCaches implements EngineCaches {
  readonly #options: CachesOptions;

  constructor(options: CachesOptions) {
    this.#options = options;
  }

  async take(
    wanted: readonly WantedCache[],
    owner: CacheOwner,
    signal: AbortSignal,
  ): Promise<readonly TakenCache[]> {
    const taken: TakenCache[] = [];
    for (const cache of wanted)
      taken.push(await this.#ask(`take cache ${cache.name}`, signal, () => this.#takeOne(cache, owner)));
    return taken;
  }

  release(holder: CacheHolder, { purge }: { readonly purge: boolean }): Promise<readonly string[]> {
    return this.#ask('give caches back', undefined, async () => {
      const { docker, fleet, onReleased } = this.#options;
      const labels = { [LABEL.fleet]: fleet, [LABEL.cacheKey]: undefined, [LABEL.task]: holder.task };
      const held = (await listVolumes(docker, labels)).filter((one) => isHold(one) && isHeldBy(one, holder));
      for (const hold of held) {
        const instance = hold.labels[LABEL.instance] ?? '';
        // The order is that of a crash in between: what is not purged yet is still held, and a new note replaces the old one.
        if (purge) await removeKeptWith(docker, instance);
        if (purge && !(await removeVolume(docker, instance)))
          throw new EngineRequestFailed(`remove cache volume ${instance}`, 500, 'a container still has it');
        await removeVolume(docker, usedName(instance));
        if (!purge) await makeVolume(docker, usedName(instance), usedLabels(hold, Date.now()));
        await removeVolume(docker, hold.name);
      }
      if (held.length > 0) onReleased();
      return held.map(({ labels: { [LABEL.cache]: name = '' } }) => name);
    });
  }

  async #takeOne(wanted: WantedCache, owner: CacheOwner): Promise<TakenCache> {
    const { docker, fleet } = this.#options;
    const key = cacheKey(wanted, owner, fleet);
    for (const instance of await this.#candidates(key, owner)) {
      if (!(await this.#hold(key, instance, owner))) continue;
      // Only now is it known what it is: whoever had it before may have removed it.
      const labels = instanceLabels(key);
      await makeVolume(docker, instance, labels);
      const used = await labelsOfVolume(docker, usedName(instance));
      const lastUsed = used?.[LABEL.used];
      const { name, path } = wanted;
      return { name, path, volume: instance, labels, ...(lastUsed === undefined ? {} : { lastUsed }) };
    }
    throw new EngineRequestFailed(`take cache ${wanted.name}`, 500, 'all of its instances are in use');
  }

  /** Names of instances in the order in which they are to be tried; one that the run has already is the only one. */
  async #candidates(key: CacheKey, holder: CacheHolder): Promise<readonly string[]> {
    const { docker, fleet } = this.#options;
    const volumes = await listVolumes(docker, { [LABEL.fleet]: fleet, [LABEL.cacheKey]: key.key });
    const holds = volumes.filter(isHold);
    const own = holds.find((hold) => isHeldBy(hold, holder))?.labels[LABEL.instance];
    if (own !== undefined) return [own];
    for (const hold of holds) await dropStaleHold(docker, hold);
    // A hold is gone after `docker volume prune`; what a container has is in use all the same.
    const mounted = await mountedVolumes(docker);
    const inUse = new Set([...mounted, ...holds.map(({ labels }) => labels[LABEL.instance] ?? '')]);
    const lastUse = new Map(
      volumes.flatMap(({ labels }) =>
        labels[LABEL.used] === undefined ? [] : [[labels[LABEL.instance] ?? '', labels[LABEL.used]]],
      ),
    );
    const present = volumes.filter(({ labels }) => labels[LABEL.kind] === KIND.cache).map(({ name }) => name);
    const free = present
      .filter((name) => !inUse.has(name))
      .sort((one, other) => (lastUse.get(other) ?? '').localeCompare(lastUse.get(one) ?? ''));
    const fresh = Array.from({ length: MAX_INSTANCES }, (_, number) => instanceName(key.key, number)).filter(
      (name) => !inUse.has(name) && !present.includes(name),
    );
    return [...free, ...fresh];
  }

  async #hold(key: CacheKey, instance: string, holder: CacheHolder): Promise<boolean> {
    const name = heldName(instance);
    const labels = await makeVolume(this.#options.docker, name, heldLabels(key, instance, holder));
    return labels !== undefined && isHeldBy({ name, labels }, holder);
  }

  #ask<T>(doing: string, signal: AbortSignal | undefined, request: () => Promise<T>): Promise<T> {
    return inEngine({ address: this.#options.address, doing, signal }, request);
  }
}
