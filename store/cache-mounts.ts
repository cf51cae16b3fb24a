import type { CacheMount } from '../model/cache-mount.ts';
import type { Level } from '../model/pure/ids.ts';
import type { MountRecord } from '../model/schema/records.ts';
import { mountRecordSchema } from '../model/schema/records.ts';
import type { Lifetimes } from './blob-claims.ts';
import { readUsableJson, writeJson } from './json-object.ts';
import { mountKey } from './keys.ts';
import { markUsed } from './mark-used.ts';
import type { ObjectStore } from './object-store.ts';
import { readableDomains, readablePlaces } from './readable-domains.ts';
import type { CacheMounts } from './store.ts';

type MountOfPlatform = CacheMount & { readonly platform: string };

/** `level-<L>/index/<domain>/mounts/<platform>/<mount>`: the image that has what a cache mount held. */
export function createCacheMounts(
  objects: ObjectStore,
  { now = () => new Date() }: Pick<Lifetimes, 'now'> = {},
): CacheMounts {
  return {
    async find(domain, level: Level, mount: MountOfPlatform, accepts = () => Promise.resolve(true)) {
      for (const [readLevel, readDomain] of readablePlaces(domain, level)) {
        const key = mountKey(readDomain, readLevel, mount.platform, mount);
        const found = await readUsableJson(objects, key, mountRecordSchema);
        if (found && !found.retired && (await accepts(found))) return found;
      }
      return undefined;
    },

    async record(domain, level: Level, mount: CacheMount, record: MountRecord) {
      const key = mountKey(domain, level, record.platform, mount);
      await writeJson(objects, key, mountRecordSchema.parse(record));
    },

    async use(domain, level: Level, mount: MountOfPlatform) {
      for (const own of readableDomains(domain)) {
        const key = mountKey(own, level, mount.platform, mount);
        await markUsed(objects, key, { schema: mountRecordSchema, now });
      }
    },
  };
}
