import { mapConcurrently } from '../model/concurrently.ts';
import { plainName } from '../model/image-reference.ts';
import type { Level } from '../model/pure/ids.ts';
import type { TarballRecord } from '../model/schema/records.ts';
import { tarballRecordSchema } from '../model/schema/records.ts';
import type { Lifetimes } from './blob-claims.ts';
import { readUsableJson, writeJson } from './json-object.ts';
import { tarballKey } from './keys.ts';
import { markUsed } from './mark-used.ts';
import type { ObjectStore } from './object-store.ts';
import { readableDomains, readablePlaces } from './readable-domains.ts';
import type { TarballKey, Tarballs } from './store.ts';

/** `level-<L>/index/<domain>/tarballs/[<platform>/]<sha256>[~<name>]`: an image that a tarball of a task became. */
export function createTarballs(
  objects: ObjectStore,
  { now = () => new Date() }: Pick<Lifetimes, 'now'> = {},
): Tarballs {
  return {
    async find(domain, level: Level, tarball, accepts = () => Promise.resolve(true)) {
      for (const [readLevel, readDomain] of readablePlaces(domain, level)) {
        const keys = waysToKeep(tarball).map((kept) => tarballKey(readDomain, readLevel, kept));
        const records = await mapConcurrently(keys, (key) =>
          readUsableJson(objects, key, tarballRecordSchema),
        );
        for (const found of records)
          if (found && !found.retired && isMeant(found, tarball) && (await accepts(found))) return found;
      }
      return undefined;
    },

    async record(domain, level: Level, record: TarballRecord) {
      await writeJson(objects, tarballKey(domain, level, record), tarballRecordSchema.parse(record));
    },

    async use(domain, level: Level, tarball) {
      for (const own of readableDomains(domain))
        for (const kept of waysToKeep(tarball))
          await markUsed(objects, tarballKey(own, level, kept), { schema: tarballRecordSchema, now });
    },
  };
}

/**
 * Under the name that somebody asked for, under its plain one, or, where it is the only one of its tarball, under none; for
 * a platform, or, where the tarball has the same for all, for none.
 */
function waysToKeep({ sha256, name, platform }: TarballKey): readonly TarballKey[] {
  const names = name === undefined ? [undefined] : [...new Set([name, plainName(name), undefined])];
  const platforms = [...new Set([platform, undefined])];
  return names.flatMap((kept) => platforms.map((by) => ({ sha256, name: kept, platform: by })));
}

/** Long names are cut where they are kept, and the only image of a tarball has the names that it has. */
function isMeant(record: TarballRecord, { name }: TarballKey): boolean {
  if (name === undefined) return true;
  const wanted = plainName(name);
  return record.name === undefined
    ? record.names?.includes(wanted) === true
    : plainName(record.name) === wanted;
}
