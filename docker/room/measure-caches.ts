import type Docker from 'dockerode';
import { isHold } from '../caches/cache-volumes.ts';
import type { Labelled } from '../volumes.ts';
import { removeCache } from '../caches/remove-cache.ts';
import { listVolumes, mountedVolumes } from '../volumes.ts';
import { KIND, LABEL } from '../labels.ts';
import type { Removable } from './removable.ts';
import type { VolumeSizes } from './volume-sizes.ts';

/** What a cache's content was fetched or made at, beside what a worker reads from the store; only relations matter. */
const BYTES_PER_SECOND = 5_000_000;
const SECONDS_TO_BEGIN = 2;

export interface Caches {
  readonly measured: readonly Removable[];
  /** Those whose sizes the engine did not tell: they are without bytes. */
  readonly unmeasured: readonly Removable[];
}

/** Asks an engine for the instances of caches, with their sizes, last uses and whether they may go. One that has none is asked little. */
export async function measureCaches(docker: Docker, volumeSizes: VolumeSizes): Promise<Caches> {
  const volumes = await listVolumes(docker, { [LABEL.cacheKey]: undefined });
  const instances = volumes.filter(({ labels }) => labels[LABEL.kind] === KIND.cache);
  if (instances.length === 0) return { measured: [], unmeasured: [] };
  const held = new Set(volumes.filter(isHold).map(({ labels }) => labels[LABEL.instance]));
  const mounted = await mountedVolumes(docker);
  const sizes = await volumeSizes.get();
  const caches = instances.map((instance): Removable => {
    const bytes = sizes?.get(instance.name) ?? 0;
    return {
      what: 'cache',
      id: instance.name,
      names: [instance.labels[LABEL.cache] ?? ''],
      bytes,
      layers: [{ key: instance.name, bytes }],
      lastUsedMs: lastUse(instance.name, volumes),
      secondsToGetBack: SECONDS_TO_BEGIN + bytes / BYTES_PER_SECOND,
      mayGo: !held.has(instance.name) && !mounted.has(instance.name),
      remove: () => removeCache(docker, instance),
    };
  });
  const isMeasured = ({ id }: Removable): boolean => sizes?.has(id) === true;
  return {
    measured: caches.filter(isMeasured),
    unmeasured: caches.filter((cache) => !isMeasured(cache)),
  };
}

/** What never was given back, and nobody holds, is a leftover: it goes first. */
function lastUse(instance: string, volumes: readonly Labelled[]): number {
  const note = volumes.find(
    ({ labels }) => labels[LABEL.instance] === instance && labels[LABEL.used] !== undefined,
  );
  return Date.parse(note?.labels[LABEL.used] ?? '') || 0;
}
