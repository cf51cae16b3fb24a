import type { ServerConfig } from '../model/schema/config.ts';
import type { Store } from '../store/store.ts';
import type { SlipwayApi } from './api.ts';

/** The newest images of one trust domain, or of all that the configuration names and a further one. */
export async function listImages(
  store: Store,
  config: ServerConfig,
  { domain, further, level = 1, name, limit }: Parameters<SlipwayApi['images']>[0],
): ReturnType<SlipwayApi['images']> {
  const named = Object.entries(config.projects).map(([project, { trustDomain }]) => trustDomain ?? project);
  const own = further === undefined ? named : [...named, further];
  const images: Awaited<ReturnType<SlipwayApi['images']>>[number][] = [];
  for (const each of new Set(domain === undefined ? own : [domain])) {
    let left = limit;
    for await (const { key, level: found, entry } of store.index.list(each, level, name)) {
      images.push({ ...entry, name: key.name, domain: key.domain, imageHash: key.imageHash, level: found });
      if (--left === 0) break;
    }
  }
  return images.sort((a, b) => b.created.localeCompare(a.created)).slice(0, limit);
}
