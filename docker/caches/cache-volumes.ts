import { createHash, randomUUID } from 'node:crypto';
import { KIND, LABEL } from '../labels.ts';
import type { Labelled } from '../volumes.ts';
import type { CacheHolder, CacheOwner, WantedCache } from './engine-caches.ts';

/** What makes two caches one: fleet, trust domain, level, name and, unless told otherwise, the image. */
export interface CacheKey {
  readonly key: string;
  /** Of every volume that belongs to it. */
  readonly labels: Readonly<Record<string, string>>;
}

export function cacheKey(wanted: WantedCache, owner: CacheOwner, fleet: string): CacheKey {
  const { domain, level, engineImageId } = owner;
  const image = wanted.perImage ? engineImageId : '';
  const text = JSON.stringify([fleet, domain, level, wanted.name, image]);
  const key = createHash('sha256').update(text).digest('hex').slice(0, 20);
  return {
    key,
    labels: {
      [LABEL.fleet]: fleet,
      [LABEL.domain]: domain,
      [LABEL.level]: String(level),
      [LABEL.cache]: wanted.name,
      [LABEL.cacheKey]: key,
      ...(image === '' ? {} : { [LABEL.image]: image }),
    },
  };
}

/** The volume with the content of an instance; instances of one cache are numbered from 0. */
export function instanceName(key: string, number: number): string {
  return `slipway-cache-${key}-${number}`;
}

/** Stands in the engine while somebody has the instance: its labels say who. Of two who make it at once one is the first. */
export function heldName(instance: string): string {
  return `${instance}-held`;
}

/** Stands in the engine once an instance was given back: its label says when. */
export function usedName(instance: string): string {
  return `${instance}-used`;
}

export function instanceLabels({ labels }: CacheKey): Record<string, string> {
  return { ...labels, [LABEL.kind]: KIND.cache };
}

/** Of the kind of a run's own things, so that it is swept with them. */
export function heldLabels(
  { labels }: CacheKey,
  instance: string,
  { task, run }: CacheHolder,
): Record<string, string> {
  return {
    ...labels,
    [LABEL.kind]: KIND.task,
    [LABEL.instance]: instance,
    [LABEL.task]: task,
    [LABEL.run]: String(run),
  };
}

/** Held by whoever removes it, so that no run takes it meanwhile. */
export function removingLabels(instance: Labelled, nowMs: number): Record<string, string> {
  return {
    ...instance.labels,
    [LABEL.kind]: KIND.cacheNote,
    [LABEL.instance]: instance.name,
    [LABEL.removing]: `${nowMs} ${randomUUID()}`,
  };
}

/** Made of the labels of the instance's hold, all that is known of it when it is given back. */
export function usedLabels(held: Labelled, nowMs: number): Record<string, string> {
  const { [LABEL.task]: _task, [LABEL.run]: _run, ...labels } = held.labels;
  return { ...labels, [LABEL.kind]: KIND.cacheNote, [LABEL.used]: new Date(nowMs).toISOString() };
}

/** Whether a volume holds an instance for a run, or for somebody who removes it. */
export function isHold({ name, labels }: Labelled): boolean {
  const instance = labels[LABEL.instance];
  return instance !== undefined && name === heldName(instance);
}

export function isHeldBy({ labels }: Labelled, { task, run }: CacheHolder): boolean {
  return labels[LABEL.task] === task && labels[LABEL.run] === String(run);
}
