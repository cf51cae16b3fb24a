import type { Level } from '../model/pure/ids.ts';
import type { TarballRecord } from '../model/schema/records.ts';
import { tarballRecordSchema } from '../model/schema/records.ts';
import type { Lifetimes } from './blob-claims.ts';
import { readUsableJson, writeJson } from './json-object.ts';
import { tarballKey } from './keys.ts';
import { markUsed } from './mark-used.ts';
import type { ObjectStore } from './object-store.ts';
import { readableDomains, readablePlaces } from './readable-domains.ts';
import type { Tarballs } from './store.ts';

/** `level-<L>/index/<domain>/tarballs/<sha256>[~<name>]`: the image that a tarball of a task became. */
export function createTarballs(
  objects: ObjectStore,
  { now = () => new Date() }: Pick<Lifetimes, 'now'> = {},
): Tarballs {
  return {
    async find(domain, level: Level, tarball, accepts = () => Promise.resolve(true)) {
      for (const [readLevel, readDomain] of readablePlaces(domain, level)) {
        const key = tarballKey(readDomain, readLevel, tarball);
        const found = await readUsableJson(objects, key, tarballRecordSchema);
        if (found && !found.retired && (await accepts(found))) return found;
      }
      return undefined;
    },

    async record(domain, level: Level, record: TarballRecord) {
      await writeJson(objects, tarballKey(domain, level, record), tarballRecordSchema.parse(record));
    },

    async use(domain, level: Level, tarball) {
      for (const own of readableDomains(domain))
        await markUsed(objects, tarballKey(own, level, tarball), { schema: tarballRecordSchema, now });
    },
  };
}
