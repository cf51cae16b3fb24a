/** Labels of everything that Slipway makes in an engine; its sweepers go by them and by nothing else. */
export const LABEL = {
  /** The installation that made it. */
  fleet: 'slipway.fleet',
  /** One of {@link KIND}. */
  kind: 'slipway.kind',
  task: 'slipway.task',
  run: 'slipway.run',
  level: 'slipway.level',
  /** What a task says it needs: bytes of memory, and processors. */
  memory: 'slipway.memory',
  cpus: 'slipway.cpus',
  /** Trust domain of a sidecar or cache. */
  domain: 'slipway.domain',
  /** Which builder of its machine a sidecar belongs to. */
  seat: 'slipway.seat',
  /** The task's container that a private engine is for. */
  of: 'slipway.of',
  /** Name of a cache, and what it is found by. */
  cache: 'slipway.cache',
  cacheKey: 'slipway.cache-key',
  /** The engine's id of the image whose tasks use a cache. */
  image: 'slipway.image',
  /** The engine's id of the parent that an image was built on here. */
  ground: 'slipway.ground',
  /** The volume that another one tells something of: that it is held, or when it was used. */
  instance: 'slipway.instance',
  used: 'slipway.used',
  removing: 'slipway.removing',
} as const;

export const KIND = {
  /** What belongs to one run: container, network, volumes. */
  task: 'task',
  /** What a shell in a kept container is made of: container, network, image. */
  shell: 'shell',
  sidecar: 'sidecar',
  /** The private engine of a task, and its volumes. */
  dind: 'dind',
  cache: 'cache',
  /** A volume without content that tells something of a cache. */
  cacheNote: 'cache-note',
} as const;

/** What an engine is asked by for things with these labels (value undefined: any). */
export function labelFilter(labels: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(labels).map(([key, value]) => (value === undefined ? key : `${key}=${value}`));
}
