import { z } from 'zod';
import { isSlipwayError } from '../model/errors.ts';
import type { Level } from '../model/pure/ids.ts';
import type { BaseRecord } from '../model/schema/records.ts';
import { baseRecordSchema, indexEntrySchema } from '../model/schema/records.ts';
import type { Lifetimes } from './blob-claims.ts';
import { mapConcurrently } from '../model/concurrently.ts';
import { changeJson, readUsableJson, writeJson } from './json-object.ts';
import { baseKey, encodeSegment, imagesPrefix, layerKey, trackedBaseKey } from './keys.ts';
import { listImages, newestOfEachName } from './listed-images.ts';
import type { Aging } from './mark-used.ts';
import { markUsed } from './mark-used.ts';
import type { ObjectStore } from './object-store.ts';
import { readableDomains, readablePlaces } from './readable-domains.ts';
import type { ImageIndex, ImageKey } from './store.ts';

/** `level-<L>/layers/<domain>/<diffId>`: blobs that unpack to a layer. */
const layerRecordSchema = z.object({ version: z.literal(1), digests: z.array(z.string()) });
type LayerRecord = z.infer<typeof layerRecordSchema>;

/** The domain under which `up` enters bases. */
const STACK_DOMAIN = '_stack';
/** Where they are kept: at level 3, so that every domain of every level finds them and none can write there. */
export const SHARED_DOMAIN = '_shared';

/** The index of images, bases and layers. A fork's domain also finds what its project's has. */
export function createImageIndex(
  objects: ObjectStore,
  { now = () => new Date() }: Pick<Lifetimes, 'now'> = {},
): ImageIndex {
  const mark = <T extends Aging>(key: string, schema: z.ZodType<T>): Promise<void> =>
    markUsed(objects, key, { schema, now });

  return {
    async find(key, level, accepts = () => Promise.resolve(true)) {
      for (const [readLevel, domain] of readablePlaces(key.domain, level)) {
        const storeKey = imageKey({ ...key, domain }, readLevel);
        const entry = await readUsableJson(objects, storeKey, indexEntrySchema);
        if (entry && !entry.retired && (await accepts(entry, storeKey))) return { entry, level: readLevel };
      }
      return undefined;
    },

    keysOf: (key, level) =>
      readablePlaces(key.domain, level).map(([readLevel, domain]) => imageKey({ ...key, domain }, readLevel)),

    async write(key, level, entry) {
      await writeJson(objects, imageKey(key, level), indexEntrySchema.parse(entry));
    },

    remove: (key, level) => objects.delete([imageKey(key, level)]),

    async use({ domain, level, images, bases }) {
      const marks = readableDomains(domain).flatMap((own) => [
        ...images.map((image) => () => mark(imageKey({ domain: own, ...image }, level), indexEntrySchema)),
        ...bases.map((base) => () => mark(baseKey(own, level, base), baseRecordSchema)),
      ]);
      await mapConcurrently(marks, (one) => one());
    },

    list: (domain, level, name) => listImages(objects, { domain, level, name }),
    newestOfEachName: (domain, level) => newestOfEachName(objects, { domain, level }),

    async findBase(
      domain,
      platform,
      reference,
      level,
      accepts = () => Promise.resolve(true),
      { alsoRetired = false } = {},
    ) {
      const places = [...readablePlaces(domain, level), ...readablePlaces(SHARED_DOMAIN, level)];
      for (const [readLevel, readDomain] of places) {
        const key = baseKey(readDomain, readLevel, { platform, reference });
        const found = await readUsableJson(objects, key, baseRecordSchema);
        if (found && (alsoRetired || !found.retired) && (await accepts(found))) return found;
      }
      return undefined;
    },

    async levelOfBase(domain, base, level, accepts) {
      for (const [readLevel, readDomain] of readablePlaces(domain, level)) {
        const record = await readUsableJson(objects, baseKey(readDomain, readLevel, base), baseRecordSchema);
        if (record && !record.retired && (await accepts(record))) return { level: readLevel, record };
      }
      return undefined;
    },

    async recordBase(domain, level, record, { replaces } = {}): Promise<BaseRecord> {
      const key =
        domain === STACK_DOMAIN ? baseKey(SHARED_DOMAIN, 3, record) : baseKey(domain, level, record);
      const value = baseRecordSchema.parse(record);
      return changeJson(objects, key, {
        schema: baseRecordSchema,
        change: (present) =>
          present && !present.retired && present.manifestDigest !== replaces ? present : value,
        overDamage: true,
      });
    },

    async findTrackedBase(domain, platform, reference, level, accepts = () => Promise.resolve(true)) {
      const places = [...readablePlaces(domain, level), ...readablePlaces(SHARED_DOMAIN, level)];
      const keys = places.flatMap(([readLevel, readDomain]) =>
        [trackedBaseKey, baseKey].map((keyOf) => keyOf(readDomain, readLevel, { platform, reference })),
      );
      const read = await Promise.all(keys.map((key) => readUsableJson(objects, key, baseRecordSchema)));
      const newestFirst = read
        .filter((record): record is BaseRecord => record !== undefined && !record.retired)
        .sort((a, b) => Date.parse(b.resolved) - Date.parse(a.resolved));
      for (const record of newestFirst) if (await accepts(record)) return record;
      return undefined;
    },

    async renewBase(domain, level, record, { tracked = false } = {}) {
      const key = (tracked ? trackedBaseKey : baseKey)(domain, level, record);
      const value = baseRecordSchema.parse(record);
      return changeJson(objects, key, {
        schema: baseRecordSchema,
        change: (present) =>
          present && !present.retired && Date.parse(present.resolved) > Date.parse(value.resolved)
            ? present
            : value,
        overDamage: true,
      });
    },

    async findLayers(domain, level, diffId) {
      const places = [...readablePlaces(domain, level), ...readablePlaces(SHARED_DOMAIN, level)];
      const found = places.map(([readLevel, readDomain]) =>
        readUsableJson(objects, layerKey(readDomain, readLevel, diffId), layerRecordSchema),
      );
      const digests = (await Promise.all(found)).flatMap((record) => record?.digests ?? []);
      return [...new Set(digests)];
    },

    async recordLayer(domain, level, diffId, digest) {
      await changeJson(objects, layerKey(domain, level, diffId), {
        schema: layerRecordSchema,
        change(present): LayerRecord {
          if (present?.digests.includes(digest)) return present;
          return { version: 1, digests: [...(present?.digests ?? []), digest] };
        },
        overDamage: true,
      }).catch((error: unknown) => {
        if (!isSlipwayError(error) || error.type !== 'WriteConflict') throw error;
      });
    },
  };
}

function imageKey({ domain, name, imageHash }: ImageKey, level: Level): string {
  return `${imagesPrefix(domain, level)}${encodeSegment(name)}/${encodeSegment(imageHash)}`;
}
